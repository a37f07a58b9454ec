"""Tombstones: everything from which something deleted can be made again, on the disk before it is deleted.

content = gather(azure, resource_id, action)            # read from Azure just now
with draft(folder, number, action) as made:             # images also leave their layers in made.folder
    tombstone = made.seal(content, generation, rule, now)
tombstone = read(folder, tombstone.reference)            # checked, byte for byte
for step in steps(tombstone.content, look): ...          # how it is made again
compare(before, after)                                   # what is equal, field by field
"""

from finops.tombstones.again import compared, steps, version_of
from finops.tombstones.comparing import Comparison, compare, same
from finops.tombstones.folder import Draft, draft, names, read, remove
from finops.tombstones.gathering import as_before, gather
from finops.tombstones.model import Content, Piece, Tombstone
from finops.tombstones.oci import exported, listed, taken_tag
from finops.tombstones.sending import sent
from finops.tombstones.steps import Step, conflicts
from finops.tombstones.taking import taken

__all__ = [
    "Comparison",
    "Content",
    "Draft",
    "Piece",
    "Step",
    "Tombstone",
    "as_before",
    "compare",
    "compared",
    "conflicts",
    "draft",
    "exported",
    "gather",
    "listed",
    "names",
    "read",
    "remove",
    "same",
    "sent",
    "steps",
    "taken",
    "taken_tag",
    "version_of",
]
