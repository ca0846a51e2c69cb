"""Runs as files. May import ``runs``, ``outputs`` and above."""
