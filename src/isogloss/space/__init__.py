"""Vectors to vectors in a shared space, by mathematics alone: no network is trained."""
