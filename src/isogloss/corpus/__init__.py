"""Text that knows its language: records, and one file per format."""
