"""Chance that can be repeated: the same key and the same numbers always draw the same fraction.

Nothing keeps a stream of random numbers, so moving the clock by a day draws what moving it hour by hour draws.
"""

from __future__ import annotations

import hashlib
import math

_MASK = (1 << 64) - 1


def key_of(*parts: object) -> int:
    """64 bits that stand for `parts`, the same in every process."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def draw(key: int, *numbers: int) -> float:
    """A fraction in [0, 1) for `key` and `numbers` (SplitMix64, Steele et al. 2014)."""
    mixed = key
    for number in (*numbers, 0x51ED):
        mixed = (mixed + number * 0xBF58476D1CE4E5B9 + 0x9E3779B97F4A7C15) & _MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        mixed ^= mixed >> 31
    return mixed / 2**64


def between(low: float, high: float, key: int, *numbers: int) -> float:
    return low + (high - low) * draw(key, *numbers)


def exponential(mean: float, key: int, *numbers: int) -> float:
    """A waiting time with that mean: how long until something that happens at a constant rate."""
    return -mean * math.log1p(-draw(key, *numbers))


def counted(mean: float, key: int, *numbers: int) -> int:
    """A Poisson count with that mean (Knuth's product of fractions; meant for means below 50)."""
    limit, product, count = math.exp(-mean), 1.0, 0
    while True:
        product *= draw(key, *numbers, count)
        if product <= limit:
            return count
        count += 1
