"""What is read; one file each, those that recipes name registered as `mixture`."""
