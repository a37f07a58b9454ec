"""Every call to Azure: one gateway with one pool, one retry policy and one budget of calls a service.

    with connect(settings.azure) as azure:
        for workspace in azure.pages(f"/subscriptions/{s}/providers/{TYPE}", "2024-04-01"): ...

Dicts come back, as Azure sent them. Faults are the children of AzureError in finops.errors.
"""

from __future__ import annotations

from .gateway import Azure, connect
from .registry import Registry
from .shapes import Json
from .storage import Blob, Moved, Storage, ToTier
from .table import Table

__all__ = ["Azure", "Blob", "Json", "Moved", "Registry", "Storage", "Table", "ToTier", "connect"]
