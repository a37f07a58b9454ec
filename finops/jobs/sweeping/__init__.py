"""The janitor's runs: the sweep that finds and asks, the one that does what was approved, and undoing."""

from __future__ import annotations

from finops.jobs.sweeping.sweep import Looked, Swept, facts_of, look, sweep
from finops.jobs.sweeping.telling import Told, tell

__all__ = ["Looked", "Swept", "Told", "facts_of", "look", "sweep", "tell"]
