"""Vectors: arrays in, arrays out. May import ``parameters`` and ``costs``."""
