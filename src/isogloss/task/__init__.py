"""Labelled text, what is learned from it, and how that reaches languages without labels."""
