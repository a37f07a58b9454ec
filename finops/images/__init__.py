"""Container images: what a registry holds, and what reaches each of them.

found = images.read(azure, estate, now)
whole = estate.merged(found.resources(), found.gaps)
found.why("crprod.azurecr.io/tools/etl:v3")
"""

from finops.images.found import Images, look, read
from finops.images.model import TYPE, Blind, Layer, Looked, Manifest, Reference, Shape, Step, Why, parts_of, resource_id

__all__ = [
    "TYPE",
    "Blind",
    "Images",
    "Layer",
    "Looked",
    "Manifest",
    "Reference",
    "Shape",
    "Step",
    "Why",
    "look",
    "parts_of",
    "read",
    "resource_id",
]
