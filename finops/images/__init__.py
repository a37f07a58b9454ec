"""Container images: what a registry holds, and what reaches each of them."""

from finops.images.model import TYPE, Blind, Layer, Looked, Manifest, Reference, Shape, Step, Why, parts_of, resource_id

__all__ = [
    "TYPE",
    "Blind",
    "Layer",
    "Looked",
    "Manifest",
    "Reference",
    "Shape",
    "Step",
    "Why",
    "parts_of",
    "resource_id",
]
