"""What lies in a container that ARM keeps no tags of can be acted on, and the container's own tag still keeps it."""

from __future__ import annotations

from typing import Any

import pytest
from adversary import NOW, WORKSPACE

from finops.acts.protection import protected
from finops.errors import AzureError

Json = dict[str, Any]
ENVIRONMENT = f"{WORKSPACE}/environments/train"
VERSION = f"{ENVIRONMENT}/versions/1"
TAGS = "/providers/microsoft.resources/tags/default"


class Arm:
    """Answers like ARM: a proxy resource has no tags resource of its own."""

    def __init__(self, tags: Json | None = None) -> None:
        self.tags = tags or {}

    def pages(self, path: str, version: str) -> list[Json]:
        return []

    def get(self, path: str, version: str) -> Json:
        at = path.lower()
        if at == ENVIRONMENT.lower():
            return {"id": ENVIRONMENT, "properties": {"tags": self.tags}}
        if "/environments/" in at or not at.endswith(TAGS):
            raise AzureError("The resource type does not support tags.", "", 400)
        return {"properties": {"tags": {}}}


def test_an_environment_version_is_not_protected_by_a_container_without_tags_of_its_own():
    assert protected(Arm(), VERSION, NOW, goes=False) is None  # type: ignore[arg-type]


def test_the_keep_tag_in_the_properties_of_the_container_protects_it():
    why = protected(Arm({"finops:keep": ""}), VERSION, NOW, goes=False)  # type: ignore[arg-type]

    assert why is not None
    assert "finops:keep" in why


def test_a_workspace_whose_tags_cannot_be_read_still_stops_it():
    class Refusing(Arm):
        def get(self, path: str, version: str) -> Json:
            if path.lower().startswith(f"{WORKSPACE}/providers".lower()):
                raise AzureError("Refused.", "", 403)
            return super().get(path, version)

    with pytest.raises(AzureError):
        protected(Refusing(), VERSION, NOW, goes=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("tags", [{"finops:keep": "2030-01-01;ours"}, {"do-not-delete": "true"}])
def test_the_keep_tag_of_a_deployment_protects_the_endpoint_it_would_go_with(tags: Json):
    endpoint = f"{WORKSPACE}/onlineEndpoints/ocr"

    class Deployed(Arm):
        def pages(self, path: str, version: str) -> list[Json]:
            return [{"id": f"{path}/blue", "tags": tags}] if path == f"{endpoint}/deployments" else []

    assert f"{endpoint}/deployments/blue" in (protected(Deployed(), endpoint, NOW, goes=True) or "")  # type: ignore[arg-type]
    assert protected(Deployed(), endpoint, NOW, goes=False) is None  # type: ignore[arg-type]
