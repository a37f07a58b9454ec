"""Text formats of .NET: format('{0,10:F2}', x) and the number formats in it (invariant culture)."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from finops.conditions.scope import TemplateError
from finops.conditions.values import is_number, text_of

WIDEST = 131072  # characters: Azure's limit for a text that a function returns
STANDARD = re.compile(r"([A-Za-z])(\d{0,3})")


def composite(template: str, args: tuple[Any, ...]) -> str:
    """`template` with each {index,alignment:format} filled in."""
    out: list[str] = []
    at = 0
    while at < len(template):
        character = template[at]
        if character in "{}" and template[at : at + 2] == character * 2:
            out.append(character)
            at += 2
        elif character == "}":
            raise TemplateError("format() has an unmatched closing brace")
        elif character == "{":
            end = template.find("}", at)
            if end < 0:
                raise TemplateError("format() has an unmatched opening brace")
            out.append(_placeholder(template[at + 1 : end], args))
            at = end + 1
        else:
            out.append(character)
            at += 1
    return "".join(out)


def _placeholder(text: str, args: tuple[Any, ...]) -> str:
    head, _, style = text.partition(":")
    index, comma, width = head.partition(",")
    if not index.strip().isdigit():
        raise TemplateError(f"format() has an invalid placeholder {{{text}}}")
    if int(index) >= len(args):
        raise TemplateError(f"format(): placeholder {{{text}}} references argument index {int(index)} of {len(args)}")
    filled = _filled(args[int(index)], style)
    if not comma:
        return filled
    if not width.strip():
        raise TemplateError("format() has an empty alignment value")
    if not re.fullmatch(r"-?\d+", width.strip()):
        raise TemplateError(f"format() has an invalid alignment {width!r}")
    size = int(width)
    if abs(size) > WIDEST:
        raise TemplateError(f"format(): the alignment {size} exceeds maximum allowed {WIDEST}")
    return filled.ljust(-size) if size < 0 else filled.rjust(size)


def _filled(value: Any, style: str) -> str:
    if isinstance(value, bool):
        return str(value)  # "True", as .NET writes it
    if value is None:
        return ""
    if style and is_number(value):
        return number_as(value, style)
    return text_of(value)


def number_as(value: int | float, style: str) -> str:
    """`value` in a .NET number format such as F2, N0, X4, D5, P1, E3 or 0,000.00."""
    found = STANDARD.fullmatch(style)
    if found is None:
        if re.fullmatch(r"[0#.,% ]+", style):
            return _custom(value, style)
        raise TemplateError(f"format() has an invalid numeric format specifier {style!r}")
    letter, digits = found[1], int(found[2]) if found[2] else None
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if letter in "dDxXbB":
        if exact != int(exact):
            raise TemplateError(f"format(): {style!r} needs a whole number, not {value}")
        return _integer(int(exact), letter, digits or 0)
    if letter in "fF":
        return f"{_rounded(exact, 2 if digits is None else digits):f}"
    if letter in "nN":
        return f"{_rounded(exact, 2 if digits is None else digits):,f}"
    if letter in "pP":
        return f"{_rounded(exact * 100, 2 if digits is None else digits):,f} %"
    if letter in "cC":
        return f"¤{_rounded(exact, 2 if digits is None else digits):,f}"
    if letter in "eE":
        mantissa, power = f"{float(value):.{6 if digits is None else digits}e}".split("e")
        return f"{mantissa}{letter}{power[0]}{int(power[1:]):03d}"
    if letter in "gGrR":
        return text_of(value) if not digits else f"{value:.{digits}g}"
    raise TemplateError(f"format() has an invalid numeric format specifier {style!r}")


def _rounded(exact: Decimal, digits: int) -> Decimal:
    return exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def _integer(value: int, letter: str, digits: int) -> str:
    if letter in "dD":
        return ("-" if value < 0 else "") + str(abs(value)).rjust(digits, "0")
    if value < 0:
        value += 1 << (32 if value >= -(1 << 31) else 64)  # two's complement, as .NET writes negative numbers
    return format(value, letter if letter in "xX" else "b").rjust(digits, "0")


def _custom(value: int | float, style: str) -> str:
    """0 is a digit that is always there, # one that may be, "," inside groups by thousands, % multiplies by 100."""
    scale = 100 if "%" in style else 1
    whole, _, part = style.replace("%", "").strip().partition(".")
    exact = _rounded(Decimal(repr(value)) * scale, len(part))
    head, _, tail = f"{abs(exact):f}".partition(".")
    needed = whole.count("0")
    head = head.lstrip("0").rjust(needed, "0")
    if "," in whole:
        head = f"{int(head or 0):,}".rjust(needed, "0")
    keep = part.rfind("0") + 1
    tail = tail[:keep] + tail[keep:].rstrip("0")
    return ("-" if exact < 0 else "") + head + ("." + tail if tail else "") + ("%" if "%" in style else "")
