"""guid and uniqueString: the same text for the same arguments, as Azure computes it."""

from __future__ import annotations

import uuid
from typing import Any

from finops.conditions.values import text_of

# The name space of guid() in Azure's template engine; known from the values it returns.
NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
WORD = 0xFFFFFFFF


def guid(*parts: Any) -> str:
    """A version 5 UUID of the arguments."""
    return str(uuid.uuid5(NAMESPACE, _joined(parts)))


def unique_string(*parts: Any) -> str:
    """13 characters: a 64-bit hash in base 32. uniqueString('test') is rbgf3xv4ufgzg in Azure."""
    value, characters = _murmur(_joined(parts).encode()), ""
    for _ in range(13):
        characters += ALPHABET[value >> 59]
        value = value << 5 & 0xFFFFFFFFFFFFFFFF
    return characters


def _joined(parts: tuple[Any, ...]) -> str:
    return "-".join(text_of(part) for part in parts)


def _turned(value: int, by: int) -> int:
    return (value << by | value >> 32 - by) & WORD


def _murmur(data: bytes) -> int:
    """MurmurHash3 (x86) cut to two 32-bit lanes, seed 0."""
    one = two = 0
    for at in range(0, len(data), 8):
        piece = data[at : at + 8]
        first, second = int.from_bytes(piece[:4], "little"), int.from_bytes(piece[4:], "little")
        one ^= _turned(first * 0x239B961B & WORD, 15) * 0xAB0E9789 & WORD
        if len(piece) == 8:
            one = (_turned(one, 19) + two) * 5 + 0x561CCD1B & WORD
        if second or len(piece) > 4:
            two ^= _turned(second * 0xAB0E9789 & WORD, 17) * 0x239B961B & WORD
        if len(piece) == 8:
            two = (_turned(two, 13) + one) * 5 + 0x0BCAA747 & WORD
    one, two = one ^ len(data), two ^ len(data)
    one = one + two & WORD
    two = two + one & WORD
    one, two = _mixed(one), _mixed(two)
    one = one + two & WORD
    two = two + one & WORD
    return two << 32 | one


def _mixed(value: int) -> int:
    value = (value ^ value >> 16) * 0x85EBCA6B & WORD
    value = (value ^ value >> 13) * 0xC2B2AE35 & WORD
    return value ^ value >> 16


FUNCTIONS = {"guid": (guid, 1, 128), "uniqueString": (unique_string, 1, 128)}
