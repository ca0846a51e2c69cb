"""Results for people: plain data in, Markdown and plots out. Imports no other wing."""
