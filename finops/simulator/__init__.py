"""An Azure estate on 127.0.0.1: serves any estate folder over Azure's own wire protocol."""

from finops.simulator.generate import new_estate
from finops.simulator.serve import Served, serving

__all__ = ["Served", "new_estate", "serving"]
