"""Edits of a run, one per file. May import ``editing`` and every wing above."""
