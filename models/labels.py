"""Cluster numbers with a meaning of their own; all others count from 0."""

NOISE = -1  # in no cluster, because the method says so
UNASSIGNED = -2  # without a label
MIXED = -2  # what becomes of a cluster that an edit mixed: its new samples are placed by their neighbors
