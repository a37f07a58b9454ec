"""VM sizes that AML estates use: cores, memory, accelerators and what an hour of each costs.

Prices are Linux pay-as-you-go and spot USD per hour, kept as reference figures: apache-libcloud's Azure price file
(Apache-2.0, 2020-21) for the older sizes; Azure Retail Prices of 2026-08-22 for NC*_A100_v4 (NC48ads in eastus2, the
others by core). ND96asr_v4 is Microsoft's list price of eastus. The spot price of the A100 sizes is 0.40 of dedicated
(Retail Prices of 2026-08-22: NC H100 and RTX spot are 0.2 to 0.45 of dedicated), which is how scarce cards are priced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Size:
    """One VM size. `prices` has (dedicated, spot) by region; other regions cost what eastus costs."""

    name: str
    family: str
    cores: int
    memory_gb: int
    gpus: int
    prices: dict[str, tuple[Decimal, Decimal]]

    def price(self, region: str, spot: bool) -> Decimal:
        """USD an hour."""
        return self.prices.get(region.lower().replace(" ", ""), self.prices["eastus"])[spot]


# name, family, cores, memory GB, GPUs, eastus dedicated, eastus spot, westeurope dedicated, westeurope spot
_TABLE = """
Standard_DS1_v2            standardDSv2Family          1     4  0  0.073    0.0146   0.0679  0.0136
Standard_DS2_v2            standardDSv2Family          2     7  0  0.146    0.029    0.136   0.027
Standard_DS3_v2            standardDSv2Family          4    14  0  0.293    0.0585   0.272   0.054
Standard_DS4_v2            standardDSv2Family          8    28  0  0.585    0.117    0.544   0.109
Standard_DS5_v2            standardDSv2Family         16    56  0  1.17     0.234    1.087   0.217
Standard_DS11_v2           standardDSv2Family          2    14  0  0.185    0.037    0.19    0.0379
Standard_DS12_v2           standardDSv2Family          4    28  0  0.371    0.074    0.379   0.0759
Standard_D2as_v4           standardDASv4Family         2     8  0  0.096    0.0192   0.115   0.023
Standard_D4as_v4           standardDASv4Family         4    16  0  0.192    0.0384   0.23    0.046
Standard_D4s_v3            standardDSv3Family          4    16  0  0.192    0.038    0.24    0.048
Standard_D8s_v3            standardDSv3Family          8    32  0  0.384    0.0768   0.48    0.096
Standard_D16s_v3           standardDSv3Family         16    64  0  0.768    0.154    0.96    0.192
Standard_E4s_v3            standardESv3Family          4    32  0  0.252    0.0504   0.32    0.064
Standard_E8s_v3            standardESv3Family          8    64  0  0.504    0.101    0.64    0.128
Standard_E16s_v3           standardESv3Family         16   128  0  1.008    0.202    1.28    0.256
Standard_F2s_v2            standardFSv2Family          2     4  0  0.0846   0.0169   0.097   0.0194
Standard_F4s_v2            standardFSv2Family          4     8  0  0.169    0.0338   0.194   0.0388
Standard_F8s_v2            standardFSv2Family          8    16  0  0.338    0.0677   0.388   0.0776
Standard_F16s_v2           standardFSv2Family         16    32  0  0.677    0.135    0.776   0.155
Standard_NC6s_v3           standardNCSv3Family         6   112  1  3.06     0.612    3.823   0.765
Standard_NC12s_v3          standardNCSv3Family        12   224  2  6.12     1.224    7.646   1.529
Standard_NC24s_v3          standardNCSv3Family        24   448  4  12.24    2.448    15.292  3.058
Standard_NC4as_T4_v3       standardNCASv3_T4Family     4    28  1  0.526    0.105    0.605   0.121
Standard_NC8as_T4_v3       standardNCASv3_T4Family     8    56  1  0.752    0.15     0.865   0.173
Standard_NC16as_T4_v3      standardNCASv3_T4Family    16   110  1  1.204    0.241    1.385   0.277
Standard_NC64as_T4_v3      standardNCASv3_T4Family    64   440  4  4.352    0.87     5.005   1.001
Standard_NC24ads_A100_v4   standardNCADSA100v4Family  24   220  1  3.673    1.4692   4.775   1.91
Standard_NC48ads_A100_v4   standardNCADSA100v4Family  48   440  2  7.346    2.9384   9.55    3.82
Standard_NC96ads_A100_v4   standardNCADSA100v4Family  96   880  4  14.692   5.8768   19.1    7.64
Standard_ND40rs_v2         standardNDSv2Family        40   672  8  22.032   4.406    27.526  5.505
Standard_ND96asr_v4        standardNDASv4_A100Family  96   900  8  27.197   10.8788  35.356  14.1424
"""


def _sizes() -> dict[str, Size]:
    sizes = {}
    for row in _TABLE.strip().splitlines():
        name, family, cores, memory, gpus, *prices = row.split()
        east, east_spot, west, west_spot = map(Decimal, prices)
        by_region = {"eastus": (east, east_spot), "westeurope": (west, west_spot)}
        sizes[name.lower()] = Size(name, family, int(cores), int(memory), int(gpus), by_region)
    return sizes


SIZES = _sizes()

# A size that is not in the table is billed by its cores: DS3_v2's price per core, spot at libcloud's median of 0.20.
_CORE, _SPOT_SHARE = Decimal("0.07325"), Decimal("0.20")


def size_of(name: str) -> Size:
    """The size called `name`, in any letter case; one invented from the number in the name when we do not know it."""
    known = SIZES.get(name.lower())
    if known:
        return known
    number = re.search(r"\d+", name)
    cores = int(number[0]) if number else 2
    price = _CORE * cores
    return Size(name, "standardUnknownFamily", cores, cores * 4, 0, {"eastus": (price, price * _SPOT_SHARE)})
