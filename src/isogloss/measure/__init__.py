"""Vectors, or a model and a corpus, to scores."""
