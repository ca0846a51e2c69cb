"""Clustering methods that need torch, and what they share. May import ``clusterers`` and ``vectors``."""
