"""Which samples of an epoch each of several processes reads: each sample once, however many processes there are."""

from __future__ import annotations


def steps(length: int, since: int, size: int, world: int, drop_last: bool = False) -> list[range]:
    """The samples of each step from `since` on; process `rank` takes `step[rank::world]` of it.

    Every process takes part in every step, as they wait for each other: what would be too few for that at the end is
    added to the step before. Fewer than `world` samples in all cannot be shared out, and are left out.
    """
    step, end = size * world, length
    if drop_last:
        end -= (length - since) % step
    ends = [min(start + step, end) for start in range(since, end, step)]
    if ends and (end - since) % step in range(1, world):
        ends.pop()
        ends[-1:] = [end] if ends else []
    return [range(start, stop) for start, stop in zip([since, *ends], ends, strict=False)]
