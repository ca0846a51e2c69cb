"""Edits of a stored run, each inside one transaction. May import ``runs``, ``embedding`` and above."""
