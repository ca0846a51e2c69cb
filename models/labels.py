"""Cluster numbers with a meaning of their own."""

NOISE = -1
