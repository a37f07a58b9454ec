"""Container images: what a registry holds, and what reaches each of them."""
