"""Passages that answer queries: by one vector each, by a vector a token, by reading both at once."""
