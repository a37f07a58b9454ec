"""Amounts with all their digits: Python's own arithmetic keeps 28."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, localcontext

_CENT = Decimal("0.01")


def trimmed(amount: Decimal) -> Decimal:
    """`amount` without the zeros behind its last digit, but with two decimals: 2.64, 100.00, 0.000011139."""
    with localcontext() as context:
        context.prec = 80
        short = amount.normalize() + 0  # + 0: no minus before a zero
        exponent = short.as_tuple().exponent
        return short.quantize(_CENT) if isinstance(exponent, int) and exponent > -2 else short


def added(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of `amounts` with all its digits: Python's own addition keeps 28."""
    with localcontext() as context:
        context.prec = 80
        return trimmed(sum(amounts, Decimal(0)))
