"""Forms: inputs of the App, and entered values as arguments; one file per form. May import every job wing."""
