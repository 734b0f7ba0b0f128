"""Vectors to pairs: neighbours, alignments."""
