"""Clustering while training. May import ``training`` and ``clusterers``."""
