"""Where an azureml:// path leads: Azure ML is asked for the datastore's account and container, without its SDK."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from finops.checkpoint.faults import StoreFault
from finops.checkpoint.stores.blob_access import identity

Json = dict[str, Any]

_PATH = re.compile(
    r"azureml://(?:subscriptions/(?P<subscription>[^/]+)/resource[gG]roups/(?P<group>[^/]+)/"
    r"(?:providers/Microsoft\.MachineLearningServices/)?workspaces/(?P<workspace>[^/]+)/)?"
    r"datastores/(?P<datastore>[^/]+)/paths/(?P<path>.*)"
)
# Azure ML tells a job so which workspace it runs in.
_OF_JOB = {
    "subscription": "AZUREML_ARM_SUBSCRIPTION",
    "group": "AZUREML_ARM_RESOURCEGROUP",
    "workspace": "AZUREML_ARM_WORKSPACE_NAME",
}
_RESOURCE = (
    "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.MachineLearningServices/workspaces/{}/datastores/{}"
)
API_VERSION = "2024-04-01"
# Resource Manager by the authority that azure-identity is told to sign in at.
_CLOUDS = {
    "login.microsoftonline.us": "https://management.usgovcloudapi.net",
    "login.chinacloudapi.cn": "https://management.chinacloudapi.cn",
    "login.partner.microsoftonline.cn": "https://management.chinacloudapi.cn",
}
_PUBLIC = "https://management.azure.com"
_SECONDS = 30
_FIX = "Name the blobs themselves: https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER."


def address_of(uri: str, env: Mapping[str, str] = os.environ, fetch: Callable[[str], Json] | None = None) -> str:
    """The https address of the blobs under `uri`. fetch: what Resource Manager says at a path."""
    found = _PATH.fullmatch(uri)
    if found is None:
        raise StoreFault(f"{uri!r} is no path of a datastore.", "Write azureml://datastores/NAME/paths/FOLDER.")
    told = {key: found[key] or env.get(name, "") for key, name in _OF_JOB.items()}
    if missing := [name for key, name in _OF_JOB.items() if not told[key]]:
        raise StoreFault(
            f"{uri} does not say of which workspace, and {missing[0]} is not set, as it is in a job.",
            "Write azureml://subscriptions/.../resourcegroups/.../workspaces/.../datastores/NAME/paths/FOLDER.",
        )
    asked = _RESOURCE.format(*(quote(step) for step in (*told.values(), found["datastore"])))
    return _blobs(uri, (fetch or resource_manager(env))(f"{asked}?api-version={API_VERSION}"), found["path"])


def _blobs(uri: str, datastore: Json, path: str) -> str:
    held = datastore.get("properties", {}) if isinstance(datastore, dict) else {}
    # Of Azure Data Lake Storage, which calls a container a file system, the blobs are the same.
    container = held.get("containerName") or held.get("filesystem")
    if held.get("datastoreType") not in ("AzureBlob", "AzureDataLakeGen2") or not container:
        raise StoreFault(f"{uri} is a datastore of type {held.get('datastoreType')}, not of blobs.", _FIX)
    host = f"{held['accountName']}.blob.{held.get('endpoint') or 'core.windows.net'}"
    return f"https://{host}/{container}/{quote(path)}".rstrip("/")


def resource_manager(env: Mapping[str, str], host: str | None = None) -> Callable[[str], Json]:
    """What it says at a path. host: another one than that of the cloud that this process signs in to."""
    host = host or _CLOUDS.get(env.get("AZURE_AUTHORITY_HOST", "").removeprefix("https://").strip("/"), _PUBLIC)

    def fetch(path: str) -> Json:
        from azure.core.exceptions import AzureError

        signing_in = identity(env, "An azureml:// path needs azure-identity, which is not installed.")
        try:
            token = signing_in.get_token(f"{host}/.default").token
            signed = {"Authorization": f"Bearer {token}"}
            asked = urllib.request.Request(f"{host}{path}", headers=signed)  # noqa: S310 - one of those above
            with urllib.request.urlopen(asked, timeout=_SECONDS) as answer:  # noqa: S310 - the same
                told: Json = json.load(answer)
                return told
        except urllib.error.HTTPError as fault:
            raise StoreFault(f"Azure ML does not tell of {path.partition('?')[0]}: {fault.code}.", _FIX) from None
        except (AzureError, OSError, ValueError) as fault:
            first = str(fault).strip().partition("\n")[0]
            raise StoreFault(f"Azure ML cannot be asked for {path.partition('?')[0]}: {first}", _FIX) from None

    return fetch
