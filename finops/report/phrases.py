"""Find a sentence of the program among a site's phrases: those with {names} in them fit what stands there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = re.compile(r"\{(\w+)\}")
# "{low} to {high}" would fit half of all sentences: a phrase needs so many letters of its own.
LEAST = 8


@dataclass(frozen=True)
class Pattern:
    """What fits our phrase, and the site's words for it."""

    fits: re.Pattern[str]
    said: str


def patterns(phrases: Mapping[str, str]) -> list[Pattern]:
    """One for each phrase with names, those that say most by themselves first."""
    found = []
    for ours, said in phrases.items():
        pieces = _NAME.split(ours)
        own = sum(len(piece.strip()) for piece in pieces[::2])
        if len(pieces) > 1 and own >= LEAST:
            fits = "".join(f"(?P<{piece}>.+?)" if n % 2 else re.escape(piece) for n, piece in enumerate(pieces))
            found.append((own, ours, Pattern(re.compile(fits, re.DOTALL), said)))
    return [pattern for *_, pattern in sorted(found, key=lambda one: (-one[0], one[1]))]


def fitted(sentence: str, among: list[Pattern]) -> tuple[str, dict[str, str]] | None:
    """The site's phrase for `sentence`, and what stands in the places of its names; None where none fits."""
    for pattern in among:
        match = pattern.fits.fullmatch(sentence)
        if match:
            return pattern.said, match.groupdict()
    return None
