"""Ways from labels in one language to a model for another, one file each."""
