"""What may change in training; one file each, registered as `parameters`."""
