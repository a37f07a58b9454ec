"""The jobs that calls of a batch endpoint started. ARM does not list them: AML's own API does, on the region's host.

    GET https://{region}.api.azureml.ms/mferp/managementfrontend{endpoint's ARM id}/jobs
        ?api-version=2020-09-01-dataplanepreview

as azure-ai-ml 1.35.2 does (BatchEndpointOperations.list_jobs), with a token for https://ml.azure.com. A local server
answers the same below `/mferp/managementfrontend`. Items: {"id", "name", "properties": {"status"}, "systemData":
{"createdAt"}}; the order is not documented.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from finops.errors import AzureError

from .paging import every_item
from .shapes import Json

if TYPE_CHECKING:
    from .gateway import Azure

API_VERSION = "2020-09-01-dataplanepreview"
PREFIX = "/mferp/managementfrontend"
ENDPOINT = re.compile(r"/subscriptions/[^/?#]+/resourcegroups/[^/?#]+/providers/[^/?#]+(/[^/?#]+/[^/?#]+)+", re.I)


def jobs_of(azure: Azure, endpoint_id: str, region: str) -> Iterator[Json]:
    """Every job of the batch endpoint, page by page."""
    if not ENDPOINT.fullmatch(endpoint_id):
        raise AzureError(f"{endpoint_id} is no id.", "Ids come from Azure; this one was altered.", code="OddId")
    base = azure.cloud.learning(region)
    doing = f"the jobs of {endpoint_id}"
    scope = endpoint_id.split("/")[2].lower()

    def fetch(address: str | None) -> Any:
        url, version = (f"{base}{PREFIX}{endpoint_id}/jobs", API_VERSION) if address is None else (address, None)
        return azure.send("learning", "GET", url, version, read=True, scope=scope, doing=doing).json

    return every_item(fetch, base=base, doing=doing, most_pages=azure.max_pages)
