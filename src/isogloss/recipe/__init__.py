"""A run you can repeat: inputs, steps, cache, provenance, resume."""
