"""Small folders of policies, written for a test, and the commands that deploy them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from finops.errors import FinopsError
from finops.simulator import Served

Json = dict[str, Any]

TAG_CONTRIBUTOR = "/providers/Microsoft.Authorization/roleDefinitions/4a9ae827-6dc8-4573-8ac7-8239d42aa03f"


def write_policy(folder: Path, name: str, effect: str = "audit", **properties: Any) -> Path:
    """A definition that wants a CostCenter on everything."""
    rule: Json = {"if": {"field": "tags.CostCenter", "exists": False}, "then": {"effect": effect}}
    if effect == "modify":
        rule["then"]["details"] = {
            "roleDefinitionIds": [TAG_CONTRIBUTOR],
            "operations": [{"operation": "add", "field": "tags.CostCenter", "value": "CC-1"}],
        }
    usual = {"displayName": f"About {name}", "description": f"Why {name}.", "mode": "Indexed", "policyRule": rule}
    return _write(folder / name / "azurepolicy.json", {**usual, **properties})


def write_initiative(folder: Path, name: str, *members: str, **properties: Any) -> Path:
    """An initiative of the definitions that are so named."""
    listed = [
        {
            "policyDefinitionId": f"/providers/Microsoft.Authorization/policyDefinitions/{member}",
            "policyDefinitionReferenceId": member,
        }
        for member in members
    ]
    usual: Json = {"displayName": f"All of {name}", "policyDefinitions": listed}
    return _write(folder / name / "azurepolicyset.json", {**usual, **properties})


def _write(file: Path, body: Json) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(body), "utf-8")
    return file


@dataclass(frozen=True)
class Ran:
    """How a command ended, and all that it said."""

    code: int
    text: str


def run(command: click.Command, served: Served, *arguments: str) -> Ran:
    """A command of `finops policy`, pointed at the simulator."""
    result = CliRunner().invoke(command, [*arguments, "--azure", served.url])
    if isinstance(result.exception, FinopsError):
        return Ran(result.exception.exit_code, f"{result.output}Error: {result.exception}")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.output)


def grant(served: Served, scope: str, principal: str) -> None:
    """The Tag Contributor role, as somebody with the right to do so would grant it."""
    its_id = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{principal}"
    properties = {"roleDefinitionId": TAG_CONTRIBUTOR, "principalId": principal, "scope": scope}
    kind = "Microsoft.Authorization/roleAssignments"
    with served.world.lock:
        served.world.resources.put({"id": its_id, "name": principal, "type": kind, "properties": properties})
