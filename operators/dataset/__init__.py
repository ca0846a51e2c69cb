"""FiftyOne datasets: targets, rows joined by id, vectors, files, classes, owned fields. May import ``execution``."""
