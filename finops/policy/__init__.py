"""Azure Policy: what may be created, checked offline, deployed, and its compliance."""
