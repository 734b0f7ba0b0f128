"""Model and corpus to vectors."""
