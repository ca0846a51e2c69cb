"""FiftyOne datasets: targets, rows joined by id, vectors, files, classes, owned fields. Imports no other wing."""
