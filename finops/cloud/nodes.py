"""The nodes of a compute cluster, as Azure Machine Learning tells them (its SDK's own objects come back empty)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .shapes import Json

if TYPE_CHECKING:
    from .gateway import Azure

API_VERSION = "2024-04-01"


def nodes_of(azure: Azure, compute_id: str) -> list[Json]:
    """Its nodes: nodeId, nodeState (idle, running, preparing, unusable, leaving, preempted), runId."""
    # the first page is a POST, the further ones are GETs (azure-ai-ml 1.35.2, ComputeOperations.list_nodes)
    return list(azure.pages(f"{compute_id}/listNodes", API_VERSION, verb="POST", items="nodes", next_verb="GET"))
