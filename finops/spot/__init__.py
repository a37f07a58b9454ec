"""Dev clusters on spot nodes: which are not, when they may be touched, and what they become when made anew."""

from __future__ import annotations

from finops.spot.durations import duration
from finops.spot.find import Finding, Prices, PricesOf, Rules, Undecided, clusters, development, findings
from finops.spot.jobs import busy
from finops.spot.remade import cannot_be_remade, differences, remade

__all__ = [
    "Finding",
    "Prices",
    "PricesOf",
    "Rules",
    "Undecided",
    "busy",
    "cannot_be_remade",
    "clusters",
    "development",
    "differences",
    "duration",
    "findings",
    "remade",
]
