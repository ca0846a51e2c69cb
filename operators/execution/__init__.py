"""Execution of jobs: locks, the stop flag, stages and progress, calls that may be delegated. May import ``dataset``."""
