"""What is kept of a resource before it is deleted, and how it is made again from that."""
