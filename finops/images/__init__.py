"""Container images: what a registry holds, and what reaches each of them.

found = images.read(azure, estate, now)
whole = estate.merged(found.resources(), found.gaps)
found.why("crprod.azurecr.io/tools/etl:v3")
"""

from finops.images.capture import capture
from finops.images.found import Images, look, read
from finops.images.layout import Layout, export, restore, verify
from finops.images.model import (
    ALONG,
    TYPE,
    Blind,
    Layer,
    Looked,
    Manifest,
    Reference,
    Shape,
    Step,
    Why,
    parts_of,
    resource_id,
)

__all__ = [
    "ALONG",
    "TYPE",
    "Blind",
    "Images",
    "Layer",
    "Layout",
    "Looked",
    "Manifest",
    "Reference",
    "Shape",
    "Step",
    "Why",
    "capture",
    "export",
    "look",
    "parts_of",
    "read",
    "resource_id",
    "restore",
    "verify",
]
