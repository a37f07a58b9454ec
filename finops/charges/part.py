"""One file of charges, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from finops.charges.rejects import Rejected


@dataclass(frozen=True)
class Part:
    """kind: "focus", "actual" or "amortized". rows: charges in it."""

    source: str
    parquet: str
    kind: str
    rows: int
    rejected: tuple[Rejected, ...] = ()
    rounded: int = 0
    """Amounts with more than 18 decimals, rounded at the 18th."""
    first: datetime | None = None
    last: datetime | None = None
    """Earliest and latest ChargePeriodStart."""
    currency: str = ""
    """The one BillingCurrency of all its charges; "" where there are several."""
    tag_bytes: float = 99.0
    """Bytes that Tags take for each charge before compression: few where Parquet holds each text once."""
    columns: Mapping[str, str] | None = None
    """SQL of each FOCUS column where the source is asked in place, without a copy."""
    layout: str = ""
    """The types of its columns: files of one layout can be read in one scan."""
