"""Plain text in columns: widths as a fixed-width font needs them."""

from __future__ import annotations

import re
import textwrap
import unicodedata


def left(text: object, width: int) -> str:
    """`text` in a column of `width` cells of a plain-text table, cut with an ellipsis when it is too long."""
    kept = str(text)
    while cells(kept) > width:
        kept = kept.removesuffix("…")[:-1] + "…"
    return kept + " " * (width - cells(kept))


def right(text: object, width: int) -> str:
    """`text` flush right in `width` cells, at least one of them empty; an amount is never cut."""
    kept = str(text)
    return " " * max(1, width - cells(kept)) + kept


def cells(text: str) -> int:
    """How many columns a fixed-width font needs: two for wide characters, none for combining ones."""
    return sum(
        0
        if unicodedata.combining(char) or unicodedata.category(char) in {"Cf", "Mn", "Me"}
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def wrapped(text: str, width: int = 72, indent: str = "") -> str:
    """`text` in lines of at most `width`, the later ones indented."""
    return textwrap.fill(
        one_stop(" ".join(text.split())),
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def one_stop(text: str) -> str:
    """`text` without the second of two full stops: a date such as "21. Nov." may end a sentence."""
    return re.sub(r"(?<!\.)\.\.(?!\.)", ".", text)
