"""Models to one model, on weights alone, a slice at a time; torch is not needed."""
