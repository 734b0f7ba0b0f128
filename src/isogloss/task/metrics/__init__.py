"""What predictions are worth: gold values and told ones to sums over examples."""
