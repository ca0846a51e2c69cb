"""Stored runs: config, results, labels, cluster records, log, map. May import ``dataset`` and ``execution``."""
