"""What training is pulled toward; one file each, registered as `objective`."""
