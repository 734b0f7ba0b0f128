"""Modules that are put into a body and saved beside it; one file each, registered as `inserted`."""
