"""Every schema that a state database ever had, and the way from each to the next."""
