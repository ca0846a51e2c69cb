"""Embeddings: filling vector fields, training encoders. May import ``dataset`` and ``execution``."""
