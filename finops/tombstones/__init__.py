"""Tombstones: everything from which something deleted can be made again, on the disk before it is deleted.

content = gather(azure, resource_id, action)            # read from Azure just now
with draft(folder, number, action) as made:             # images also leave their layers in made.folder
    tombstone = made.seal(content, generation, rule, now)
tombstone = read(folder, tombstone.reference)            # checked, byte for byte
for step in steps(tombstone.content, look): ...          # how it is made again
compare(before, after)                                   # what is equal, field by field
"""

from finops.tombstones.comparing import Comparison, compare
from finops.tombstones.folder import Draft, draft, read
from finops.tombstones.gathering import gather
from finops.tombstones.model import Content, Piece, Tombstone
from finops.tombstones.steps import Step, steps

__all__ = [
    "Comparison",
    "Content",
    "Draft",
    "Piece",
    "Step",
    "Tombstone",
    "compare",
    "draft",
    "gather",
    "read",
    "steps",
]
