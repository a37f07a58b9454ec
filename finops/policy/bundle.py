"""What a folder of policies holds for Azure: definitions and initiatives, and what is wrong with those that are not."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finops.conditions import read_rule
from finops.errors import DataError, FinopsError, UsageError
from finops.policy.scopes import LONGEST

Json = dict[str, Any]

FILES = ("azurepolicy.json", "azurepolicyset.json")
MODIFYING = ("modify", "deployifnotexists")


@dataclass(frozen=True)
class Item:
    """One definition or initiative: its name in Azure, its properties, the file that it comes from."""

    name: str
    properties: Json
    source: str

    @property
    def is_initiative(self) -> bool:
        return "policyDefinitions" in self.properties

    @property
    def title(self) -> str:
        return str(self.properties.get("displayName") or self.name)

    @property
    def parameters(self) -> Json:
        declared = self.properties.get("parameters")
        return declared if isinstance(declared, dict) else {}

    @property
    def members(self) -> list[Json]:
        """What an initiative is made of."""
        return [each for each in self.properties.get("policyDefinitions") or [] if isinstance(each, dict)]


@dataclass(frozen=True)
class Bundle:
    """All that a folder holds, by name. `faults` are the files that cannot be used: (file, why)."""

    items: Mapping[str, Item]
    faults: tuple[tuple[str, FinopsError], ...] = ()

    @property
    def definitions(self) -> list[Item]:
        return [item for item in self.items.values() if not item.is_initiative]

    @property
    def initiatives(self) -> list[Item]:
        return [item for item in self.items.values() if item.is_initiative]

    @property
    def assigned(self) -> list[Item]:
        """What is assigned: the initiatives, and each definition that is in none of them."""
        bundled = {local_name(each).lower() for item in self.initiatives for each in item.members}
        return [*self.initiatives, *(item for item in self.definitions if item.name.lower() not in bundled)]


def read_bundle(folder: Path) -> Bundle:
    """The folder's policies. A file that is wrong is one of `faults` and stops no other."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.", "Give the folder of policies, such as policies/.")
    items: dict[str, Item] = {}
    faults: list[tuple[str, FinopsError]] = []
    for file in sorted(each for name in FILES for each in folder.glob(f"*/{name}")):
        try:
            item = _item(file)
            if item.name.lower() in {name.lower() for name in items}:
                raise DataError(f"{file}: the name {item.name} is taken by another folder.", "Give it one of its own.")
            items[item.name] = item
        except FinopsError as fault:
            faults.append((str(file), fault))
    if not items and not faults:
        raise DataError(f"{folder} holds no policy.", f"A policy is a folder with {' or '.join(FILES)} in it.")
    return Bundle(items, tuple(faults))


def local_name(member: Json) -> str:
    """The last part of the id by which an initiative names a definition: in a folder, the definition's name."""
    return str(member.get("policyDefinitionId") or "").rstrip("/").rpartition("/")[2]


def roles_in(properties: Any) -> tuple[str, ...]:
    """The ids of the roles that the identity of an assignment needs for this definition; () where it needs none."""
    rule = properties.get("policyRule") if isinstance(properties, dict) else None
    then = rule.get("then") if isinstance(rule, dict) else None
    details = then.get("details") if isinstance(then, dict) else None
    roles = details.get("roleDefinitionIds") if isinstance(details, dict) else None
    return tuple(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else ()


def given_parameters(bundle: Bundle, given: Mapping[str, Any], source: str) -> dict[str, Json]:
    """For each assigned name, the values that its assignment gets: {"name": {"value": ...}}, as Azure has them.

    `given` names parameters, each for everything that declares it; "policy/parameter" is for one alone.
    """
    found: dict[str, Json] = {item.name: {} for item in bundle.assigned}
    exact = [name for name in given if "/" in name]
    for name in [*(name for name in given if "/" not in name), *exact]:
        holder, _, parameter = name.rpartition("/")
        value = given[name]
        value = value if isinstance(value, dict) and set(value) == {"value"} else {"value": value}
        takers = 0
        for item in bundle.assigned:
            declared = next((each for each in item.parameters if each.lower() == parameter.lower()), None)
            if declared and holder.lower() in ("", item.name.lower()):
                found[item.name][declared] = value
                takers += 1
        if not takers and not bundle.faults:
            known = sorted({each for item in bundle.assigned for each in item.parameters})
            near = difflib.get_close_matches(parameter, known, 1)
            raise UsageError(
                f"{source}: {name} is a parameter of nothing that is assigned.",
                f"Did you mean {near[0]}?" if near else f"Parameters are {', '.join(known) or 'none'}.",
            )
    return found


def _item(file: Path) -> Item:
    body = read_rule(file)
    if not isinstance(body, dict):
        raise DataError(f"{file} is not an object.", 'Write {"properties": {"policyRule": ...}}.')
    properties = body.get("properties", body)
    if not isinstance(properties, dict) or not ("policyRule" in properties) ^ ("policyDefinitions" in properties):
        raise DataError(
            f"{file} is neither a definition nor an initiative.",
            "A definition has properties.policyRule, an initiative properties.policyDefinitions.",
        )
    for key, kind, word in (("policyRule", dict, "an object"), ("policyDefinitions", list, "a list")):
        if key in properties and not isinstance(properties[key], kind):
            raise DataError(f"{file}: properties.{key} is not {word}.", "See policies/README.md.")
    name = str(body.get("name") or file.parent.name)
    if len(name) > LONGEST or not re.fullmatch(r"[^<>%&:\\?/+*#]*[^<>%&:\\?/+*#. ]", name):
        raise DataError(
            f"{file}: {name} is no name that Azure takes.",
            f"At most {LONGEST} letters, digits, hyphens and underscores.",
        )
    return Item(name, properties, str(file))
