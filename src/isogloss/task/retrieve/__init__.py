"""Passages that answer queries: by one vector each, a vector a token, or by reading both."""
