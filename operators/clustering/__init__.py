"""Making a run: request, job, constraints, estimates. May import ``evaluation``, ``embedding`` and above."""
