"""What is known of a node's life before the job has seen an eviction: Azure's own rates, as a setting or a file.

Resource Graph's SpotResources has the share of machines of a size and region that were taken back, in percent an hour:
0-5, 5-10, 10-15, 15-20 or 20+ (learn.microsoft.com/azure/virtual-machines/spot-vms#pricing-and-eviction-history).
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path

RATE = "FINOPS_EVICTION_RATE"
_SAID = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:-\s*(\d+(?:\.\d+)?)|(\+))?\s*%?\s*")
OPEN = 1.25  # times its lower end is where a band without an upper one is taken: 25 for 20+
LEAST = 0.1  # percent: nothing is promised never to go


def hours_between(said: str) -> float | None:
    """Mean hours between evictions at a rate of `said` percent an hour ("5-10", "20+", "7.5"); None where it is none.

    A machine that goes with probability p within each hour lasts -1 / ln(1 - p) hours on average.
    """
    found = _SAID.fullmatch(said)
    if not found:
        return None
    low = float(found[1])
    high = float(found[2]) if found[2] else low * (2 * OPEN - 1) if found[3] else low
    percent = max((low + high) / 2, LEAST)
    return -1 / math.log1p(-percent / 100) if high >= low and percent < 100 else None


def by_rate(size: str = "", region: str = "", env: Mapping[str, str] = os.environ) -> float | None:
    """Hours between evictions by FINOPS_EVICTION_RATE; None where it does not tell of such a machine."""
    said = env.get(RATE, "")
    if (hours := hours_between(said)) is not None or not said:
        return hours
    try:
        rates = json.loads(Path(said).read_text("utf-8"))["rates"]
        rate = rates.get(key(size, region))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return hours_between(rate) if isinstance(rate, str) else None


def key(size: str, region: str) -> str:
    """How the file calls a machine: "standard_nc6s_v3/westeurope"."""
    return f"{size}/{region.replace(' ', '')}".lower()
