"""The numerics: images to vectors, vectors to clusters. Knows nothing of operators, forms or runs."""
