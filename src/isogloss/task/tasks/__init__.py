"""What a model can be taught: data format, head and measures, one file each."""
