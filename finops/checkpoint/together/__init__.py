"""Several processes that save one checkpoint, and share out one state and one epoch."""
