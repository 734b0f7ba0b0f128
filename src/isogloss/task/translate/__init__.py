"""Translators: a local model, a command, an endpoint, a dictionary; checked, and with a cache."""
