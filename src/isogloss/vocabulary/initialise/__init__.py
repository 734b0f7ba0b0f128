"""First embeddings of a new vocabulary: one signature, one file a method."""
