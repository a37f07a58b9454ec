"""How many GPUs a VM size has.

Source: learn.microsoft.com/azure/virtual-machines/sizes, GPU accelerated families NC, ND, NG and NV (2026-08). NV sizes
of the A10 family have a sixth to two of a card, as Azure states it.
"""

from __future__ import annotations

import re
from fractions import Fraction

# As a meter writes the size, without "Standard_", priority and underscores.
_TABLE = """
1    NC6 NC6s_v2 NC6s_v3 NC4as_T4_v3 NC8as_T4_v3 NC16as_T4_v3 NC24ads_A100_v4 NC40ads_H100_v5 NCC40ads_H100_v5
1    ND6s NV6 NV12s_v3 NV36ads_A10_v5 NV36adms_A10_v5 NV32as_v4 NG32ads_V620_v1 NG32adms_V620_v1
2    NC12 NC12s_v2 NC12s_v3 NC48ads_A100_v4 NC80adis_H100_v5 ND12s NV12 NV24s_v3 NV72ads_A10_v5
4    NC24 NC24r NC24s_v2 NC24rs_v2 NC24s_v3 NC24rs_v3 NC64as_T4_v3 NC96ads_A100_v4 ND24s ND24rs NV24 NV48s_v3
4    ND128isr_NDR_GB200_v6 ND128isr_GB300_v6
8    ND40rs_v2 ND40s_v3 ND96asr_v4 ND96asr_A100_v4 ND96amsr_A100_v4 ND96isr_H100_v5 ND96isr_H200_v5 ND96isr_MI300X_v5
1/8  NV4as_v4
1/4  NV8as_v4 NG8ads_V620_v1
1/2  NV16as_v4 NV18ads_A10_v5 NG16ads_V620_v1
1/6  NV6ads_A10_v5
1/3  NV12ads_A10_v5
"""
_PRIORITY = re.compile(r"\b(spot|low[ _-]?priority)\b", re.IGNORECASE)
_GPU = re.compile(r"^(nc|nd|ng|nv)\d")


def _key(name: str) -> str:
    plain = _PRIORITY.sub("", name.lower().removeprefix("standard_").removeprefix("standard "))
    return re.sub(r"[\s_]+", " ", plain).strip()


_GPUS = {
    _key(size): Fraction(count)
    for count, *sizes in (line.split() for line in _TABLE.split("\n") if line)
    for size in sizes
}


def gpus(name: str) -> Fraction | None:
    """GPUs of one VM of the size that a meter names; None: none are known."""
    # Meters may name two sizes that cost the same, "NC6 v3/NC6s v3".
    return next((_GPUS[_key(part)] for part in name.split("/") if _key(part) in _GPUS), None)


def has_gpus(name: str) -> bool:
    """Whether the name is that of a family with GPUs, known to us or not."""
    return bool(_GPU.match(_key(name.split("/")[0]).replace("ncc", "nc")))


def is_spot(name: str, pricing: str = "") -> bool:
    return bool(_PRIORITY.search(name)) or pricing.lower() == "dynamic"


def size_of(name: str) -> str:
    """The size without its priority: "NC24ads A100 v4"."""
    return re.sub(r"\s+", " ", _PRIORITY.sub("", name)).strip()
