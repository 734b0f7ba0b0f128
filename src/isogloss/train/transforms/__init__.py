"""What is done to text on the way in; one file each, registered as `transform`."""
