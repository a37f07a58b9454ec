"""The one place that changes Azure: capped, stoppable, written down before and after, read again before and after.

    resolved = reconcile(azure, state, now)                 # first thing of every run
    outcomes = perform(acts, azure, state, caps, now, decision="policy dev-clusters-are-spot in enforce mode")

Deciders make Acts; nothing else in finops sends a change to Azure on its own account.
"""

from __future__ import annotations

from .caps import over
from .hand import Held
from .manifests import is_image, registry_of, state_of
from .model import Act, Caps, Names, Outcome, Resolved, generation_of
from .perform import STOPPING, perform
from .reconcile import reconcile
from .tags import tagging
from .verdict import differs

__all__ = [
    "STOPPING",
    "Act",
    "Caps",
    "Held",
    "Names",
    "Outcome",
    "Resolved",
    "differs",
    "generation_of",
    "is_image",
    "over",
    "perform",
    "reconcile",
    "registry_of",
    "state_of",
    "tagging",
]
