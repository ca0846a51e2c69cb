"""How work runs: locks, the stop flag, stages and progress, calls that may be delegated. May import ``dataset``."""
