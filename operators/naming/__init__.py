"""Names for the clusters of a run, by a server or offline. May import ``editing``, ``runs`` and above."""
