"""Names for clusters: from a vision LLM, or offline from words, a classifier or labels. Knows nothing of runs."""
