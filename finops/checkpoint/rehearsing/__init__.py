"""What evictions cost: reckoned by replay, or tried on the user's own script."""
