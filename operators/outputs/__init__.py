"""Results as text and plots: plain data in, Markdown and Plotly out. Imports no other wing."""
