"""Making a run by a criterion in words. May import ``naming``, ``runs`` and above."""
