"""Small policies, written into a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

STORAGE = "Microsoft.Storage/storageAccounts"
COMPUTES = "Microsoft.MachineLearningServices/workspaces/computes"
RULE = {
    "if": {"allOf": [{"field": "type", "equals": STORAGE}, {"field": "kind", "equals": "Storage"}]},
    "then": {"effect": "[parameters('effect')]"},
}


def parameter(default: Any = None, kind: str = "String", **more: Any) -> dict[str, Any]:
    about = {"type": kind, "metadata": {"displayName": "A name", "description": "What it is."}, **more}
    return about if default is None else {**about, "defaultValue": default}


EFFECT = parameter("Audit", allowedValues=["Audit", "Deny", "Disabled"])


def body(**changes: Any) -> dict[str, Any]:
    """A definition in which nothing is wrong, with changes; a None takes a part out."""
    whole = {
        "displayName": "Old accounts are replaced",
        "description": "Accounts of the first kind have no tiers.",
        "mode": "All",
        "metadata": {
            "version": "1.0.0",
            "category": "Storage",
            "nonComplianceMessage": "Make it a StorageV2 account: kind: StorageV2.",
        },
        "parameters": {"effect": EFFECT},
        "policyRule": RULE,
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def rule(condition: Any, effect: Any = "[parameters('effect')]", **details: Any) -> dict[str, Any]:
    return {"if": condition, "then": {"effect": effect, **details}}


def account(kind: str = "Storage", **more: Any) -> dict[str, Any]:
    return {"type": STORAGE, "name": "st", "kind": kind, "location": "westeurope", **more}


CASES = {
    "old-audit": account(),
    "new-none": account("StorageV2"),
    "another-type-none": {**account(), "type": "Microsoft.App/storages"},
    "denied-where-wanted-deny": {"resource": account(), "parameters": {"effect": "Deny"}},
}


def write(root: Path, definition: Any = None, cases: Any = None, name: str = "old-accounts") -> Path:
    """A policy's folder below `root`. A text is written as it is."""
    folder = root / name
    (folder / "tests").mkdir(parents=True)
    text = definition if isinstance(definition, str) else json.dumps(definition or body(), indent=2)
    (folder / "azurepolicy.json").write_text(text, "utf-8")
    for case, content in (CASES if cases is None else cases).items():
        told = content if isinstance(content, str) else json.dumps(content)
        (folder / "tests" / (case if "." in case else f"{case}.json")).write_text(told, "utf-8")
    return folder
