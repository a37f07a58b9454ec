"""The clockwork: every duty at its time, once, through every fault; and what is seen of it from outside."""
