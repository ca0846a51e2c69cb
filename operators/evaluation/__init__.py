"""Statements about a run: scores, cluster statistics, views. May import ``editing``, ``runs`` and above."""
