"""An Azure estate on 127.0.0.1: serves any estate folder over Azure's own wire protocol."""

from finops.simulator.generate import new_estate
from finops.simulator.generate.writing import leave_as_it_is
from finops.simulator.serve import Served, serving

__all__ = ["Served", "leave_as_it_is", "new_estate", "serving"]
