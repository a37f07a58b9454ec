"""FOCUS files, read as FOCUS: which column is which, and the SQL of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from finops.charges import cells
from finops.charges.columns import MONEY, TYPES, bare, quoted

# Spellings of a FOCUS column in use besides its own.
SPELLINGS = {
    "SkuMeter": "x_SkuMeterName",  # FOCUS 1.1 and later
    "x_SkuMeterSubCategory": "x_SkuMeterSubcategory",
    "x_ResourceGroup": "x_ResourceGroupName",
}


def columns(header: Iterable[str]) -> dict[str, str]:
    """Which column of `header` is which FOCUS column: {"BilledCost": "billed_cost"}."""
    known = {bare(name): name for name in TYPES}
    other = {bare(spelling): name for spelling, name in SPELLINGS.items()}
    found: dict[str, str] = {}
    for column in header:
        if (name := known.get(bare(column))) and name not in found:
            found[name] = column
    for column in header:
        if name := other.get(bare(column)):
            found.setdefault(name, column)
    return found


def cell(name: str, found: Mapping[str, str], kinds: Mapping[str, str]) -> str:
    """SQL of the FOCUS column `name` in a FOCUS file."""
    if name not in found:
        return "NULL"
    source, kind = quoted(found[name]), kinds[found[name]]
    if TYPES[name] == MONEY:
        return cells.money(source, kind)
    if TYPES[name] == "TIMESTAMP":
        return cells.moment(source, kind)
    return f"upper({cells.text(source, kind)})" if name == "BillingCurrency" else cells.text(source, kind)
