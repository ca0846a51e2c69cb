"""Results for people: plain data in, Markdown and plots out. May import ``execution`` and ``models``."""
