"""A world for tests of images: the small estate, a registry, and a connection to both."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from estates import AS_OF, small_bodies, workspace_id, write_estate
from registries import REGISTRY, SERVER, write_images

from finops import estate, images
from finops.cloud import Azure, connect
from finops.config.model import AzureSettings
from finops.estate import Known, Unknown
from finops.images import Images
from finops.simulator import Served, serving

Json = dict[str, Any]
PROD = workspace_id("ml-prod")


def world(folder: Path, lines: Iterable[Json], bodies: Iterable[Json] = (), attached: bool = True) -> Path:
    """An estate folder with these manifests and, beside the small estate, these bodies.

    attached: the registry is that of the workspace ml-prod
    """
    known = [body for body in small_bodies() if "/environments/" not in body["id"]]
    for body in known:
        if body["id"] == PROD and attached:
            body["properties"]["containerRegistry"] = REGISTRY
    made = write_estate(folder / "estate", [*known, *bodies])
    write_images(made, *lines)
    return made


@contextmanager
def connected(folder: Path, **options: Any) -> Iterator[tuple[Azure, Served]]:
    with (
        serving(folder, **options) as server,
        connect(AzureSettings(endpoint=server.url, call_deadline_seconds=30)) as azure,
    ):
        yield azure, server


def read(folder: Path, keep_newest: int = 3, files: Iterable[Path] = (), job_days: int = 90, **options: Any) -> Images:
    """The images of an estate folder."""
    with connected(folder, **options) as (azure, _):
        found = estate.read(azure, AS_OF)
        return images.read(azure, found, AS_OF, keep_newest, files=tuple(files), job_days=job_days)


def fact(found: Images, line: Json, name: str) -> Any:
    """A fact of one image: its value, or the Unknown."""
    wanted = images.resource_id(REGISTRY, line["imageName"], line["digest"]).lower()
    value = found.resources()[wanted].facts[name]
    assert isinstance(value, Known | Unknown)
    return value.value if isinstance(value, Known) else value


def resource(resource_id: str, kind: str, properties: Json, created: str = "2026-08-01T08:00:00+00:00") -> Json:
    return {
        "id": resource_id,
        "name": resource_id.rpartition("/")[2],
        "type": kind,
        "location": "eastus",
        "properties": properties,
        "systemData": {"createdAt": created, "createdBy": "ana@contoso.com", "createdByType": "User"},
    }


def environment(reference: str, version: int = 1, archived: bool = False, name: str = "env") -> list[Json]:
    """An environment and one version of it that names an image."""
    kind = "Microsoft.MachineLearningServices/workspaces/environments"
    home = f"{PROD}/environments/{name}"
    image = f"{SERVER}/{reference}" if "azurecr" not in reference else reference
    return [
        resource(home, kind, {"latestVersion": str(version), "isArchived": False}),
        resource(f"{home}/versions/{version}", f"{kind}/versions", {"image": image, "isArchived": archived}),
    ]


def container_group(reference: str, name: str = "aci") -> Json:
    kind = "Microsoft.ContainerInstance/containerGroups"
    home = f"{REGISTRY.partition('/providers/')[0]}/providers/{kind}/{name}"
    container = {"name": "c", "properties": {"image": f"{SERVER}/{reference}"}}
    return resource(home, kind, {"containers": [container], "osType": "Linux"})


def kubernetes(name: str = "aks") -> Json:
    kind = "Microsoft.ContainerService/managedClusters"
    home = f"{REGISTRY.partition('/providers/')[0]}/providers/{kind}/{name}"
    return resource(home, kind, {"kubernetesVersion": "1.31"})


def job(environment_id: str, created: str, name: str = "ran", status: str = "Completed") -> Json:
    kind = "Microsoft.MachineLearningServices/workspaces/jobs"
    properties = {
        "jobType": "Command",
        "status": status,
        "command": "python train.py",
        "environmentId": environment_id,
        "computeId": None,
        "isArchived": False,
        "services": {},
        "tags": {},
        "properties": {},
    }
    return resource(f"{PROD}/jobs/{name}", kind, properties, created)


def schedule(environment_id: str, enabled: bool = True) -> Json:
    kind = "Microsoft.MachineLearningServices/workspaces/schedules"
    action = {
        "actionType": "CreateJob",
        "jobDefinition": {"jobType": "Command", "command": "x", "environmentId": environment_id},
    }
    trigger = {"triggerType": "Cron", "expression": "0 2 * * *", "timeZone": "UTC"}
    return resource(f"{PROD}/schedules/nightly", kind, {"isEnabled": enabled, "trigger": trigger, "action": action})
