"""One file per format, each a reader registered as `format`."""
