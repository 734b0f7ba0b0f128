"""A tokenizer and its embedding table: audit, learn, extend."""
