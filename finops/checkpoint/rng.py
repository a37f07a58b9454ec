"""The random numbers of a training: Python's, numpy's and torch's, as far as the caller has them."""

from __future__ import annotations

import random
import sys
from array import array
from collections.abc import Mapping
from typing import Any


def capture() -> dict[str, Any]:
    """The state of each generator that exists in this process; plain, for finops.checkpoint.tree."""
    version, words, spare = random.getstate()
    found: dict[str, Any] = {"python": (version, array("I", words), spare)}  # 625 of them, for each save
    if (numpy := sys.modules.get("numpy")) is not None and "numpy.random" in sys.modules:
        found["numpy"] = numpy.random.get_state()
    if (torch := sys.modules.get("torch")) is not None:
        found["torch"] = torch.get_rng_state()
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            found["cuda"] = torch.cuda.get_rng_state_all()
    return found


def bring_back(found: Mapping[str, Any]) -> list[str]:
    """Set the generators as they were; what could not be, in words: the rest of the run differs from then on."""
    missing = []
    version, words, spare = found["python"]
    random.setstate((version, tuple(words), spare))
    if "numpy" in found:
        import numpy

        numpy.random.set_state(found["numpy"])
    if "torch" in found:
        import torch

        torch.set_rng_state(found["torch"])
        if "cuda" in found:
            if torch.cuda.is_available() and torch.cuda.device_count() == len(found["cuda"]):
                torch.cuda.set_rng_state_all(found["cuda"])
            else:
                missing.append(f"the random numbers of {len(found['cuda'])} GPUs: this node has another number of them")
    return missing
