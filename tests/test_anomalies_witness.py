"""What is asked of Azure about a resource, and of whom: ids and tags are text that anybody may have written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from estates import (
    PROD,
    cluster,
    deployment,
    endpoint,
    group,
    instance,
    subscription,
    workspace,
    workspace_id,
    write_estate,
)

from finops.cloud import connect
from finops.config.model import AzureSettings
from finops.jobs.anomalies.witness import ARM_ID, Seen, first_address, look_in_azure
from finops.simulator import serving

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
WORKSPACE = workspace_id("ml-prod")
SCORER = f"{WORKSPACE}/onlineEndpoints/scorer"
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    bodies = [
        subscription(PROD, "Production"), group(PROD, "rg-ml"), workspace(WORKSPACE),
        cluster(WORKSPACE, "held", low=4, high=8), cluster(WORKSPACE, "free"), instance(WORKSPACE, "desk"),
        endpoint(WORKSPACE, "scorer"), deployment(SCORER, "blue"),
    ]  # fmt: skip
    with serving(write_estate(tmp_path_factory.mktemp("estate"), bodies)) as server:
        yield server.url


def seen(url: str, resource: str, gone: bool = False) -> tuple[Seen, int]:
    """What is found of a resource, and how many questions that took."""
    with connect(AzureSettings(endpoint=url)) as azure:
        found = look_in_azure(azure, (resource,), date(2026, 11, 17), date(2026, 11, 20), NOW, gone)
        return found, sum(azure.calls.values())


@pytest.mark.parametrize(
    "given",
    [f"{GROUP}/providers/Microsoft.X' or eventTimestamp ge '2000/t/n", f"{GROUP}/providers/Microsoft.X/t/../../u/n",
     f"{GROUP}/providers/Microsoft.X/t/n?api-version=1", f"{GROUP}/providers/Microsoft.X/t/n#", f"{GROUP}/providers",
     f"{GROUP}/providers/Microsoft.X/t/%2e%2e/n/x", f"{GROUP}/providers/Microsoft.X/t/a\nb", "/subscriptions/../x", ""],
)  # fmt: skip
def test_an_id_that_is_none_of_azure_is_never_asked_about(given: str):
    assert ARM_ID.fullmatch(given) is None


@pytest.mark.parametrize(
    "given",
    [f"{WORKSPACE}/computes/gpu-a100", f"{WORKSPACE}/onlineEndpoints/scorer/deployments/blue",
     f"{GROUP.replace('/rg', '/RG_1 (old)'.replace(' ', ''))}/providers/Microsoft.Compute/disks/os_disk-1",
     "/subscriptions/00000000-0000-0000-0000-000000000001/providers/microsoft.capacity/orders/x",
     f"{GROUP}/providers/Microsoft.Storage/storageAccounts/st1/blobServices/default"],
)  # fmt: skip
def test_ids_as_azure_has_them_are(given: str):
    assert ARM_ID.fullmatch(given)


def test_a_hostile_id_is_answered_without_a_question(url: str):
    hostile = f"{GROUP}/providers/Microsoft.X' or eventTimestamp ge '2000/t/n"

    assert seen(url, hostile) == (Seen(evidence=("Its id is none that Azure can be asked about.",)), 0)


@pytest.mark.parametrize(
    ("resource", "stop", "command"),
    [(f"{WORKSPACE}/computes/held", "Set the fewest nodes of held from 4 to 0.",
      "az ml compute update -n held --min-instances 0 -g rg-ml -w ml-prod"),
     (f"{WORKSPACE}/computes/free",
      "Cancel the jobs that free runs, if nobody needs them: without any it costs nothing.", ""),
     (f"{WORKSPACE}/computes/desk", "Stop desk: it costs until then.",
      "az ml compute stop -n desk -g rg-ml -w ml-prod"),
     (f"{SCORER}/deployments/blue", "Give scorer/blue fewer instances, or delete it if nobody calls it.", ""),
     (WORKSPACE, "", "")],
)  # fmt: skip
def test_how_it_is_stopped_follows_from_what_it_is(url: str, resource: str, stop: str, command: str):
    found, _ = seen(url, resource)

    assert (found.stop, found.command) == (stop, command)


def test_what_is_gone_needs_no_stopping(url: str):
    assert seen(url, f"{WORKSPACE}/computes/held", gone=True)[0].stop == ""


@pytest.mark.parametrize(
    ("tag", "address"),
    [("a@x.example; b@x.example", "a@x.example"), ("Jane Doe <jane@x.example>", "jane@x.example"), ("@ml-team", ""),
     ("m\N{LATIN SMALL LETTER U WITH DIAERESIS}ller@x.example", ""), ("", "")],
)  # fmt: skip
def test_the_first_address_of_a_tag_is_the_owners(tag: str, address: str):
    assert first_address(tag) == address
