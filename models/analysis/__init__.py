"""Analysis of a finished clustering; changes nothing. May import ``clusterers`` and ``vectors``."""
