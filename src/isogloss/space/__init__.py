"""Vectors to vectors in a shared space; no network is trained, word vectors at most."""
