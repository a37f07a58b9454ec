"""A folder of policies with their cases, read for checking: what is wrong with one file stops no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from finops.conditions import Aliases, Policy, compile_policy
from finops.errors import FinopsError
from finops.policy.bundle import Bundle, Item, read_bundle
from finops.policy.cases import Case, Json, read_case

# What a parameter without a value stands for while a rule is only looked at.
STAND_IN: Mapping[str, Any] = {
    "string": "any", "array": ["any"], "object": {"any": "any"}, "boolean": True, "integer": 1, "float": 1.0,
    "datetime": "2026-01-01T00:00:00Z",
}  # fmt: skip


@dataclass(frozen=True)
class Definition:
    """One policy: its item, its cases, and the cases that could not be read."""

    item: Item
    cases: tuple[Case, ...] = ()
    faults: tuple[tuple[Path, FinopsError], ...] = ()

    @property
    def name(self) -> str:
        return self.item.name

    @property
    def file(self) -> Path:
        return Path(self.item.source)

    @property
    def message(self) -> str:
        """What a person reads whose request was denied."""
        metadata = self.item.properties.get("metadata")
        told = metadata.get("nonComplianceMessage") if isinstance(metadata, dict) else None
        return str(told or self.item.properties.get("description") or "")

    @cached_property
    def needed(self) -> dict[str, Json]:
        """The parameters without a default: an assignment must give them."""
        return {
            name: about
            for name, about in self.item.parameters.items()
            if isinstance(about, dict) and "defaultvalue" not in {str(key).lower() for key in about}
        }

    def compiled(self, parameters: Mapping[str, Any] | None = None, aliases: Aliases | None = None) -> Policy:
        return compile_policy(self.item.properties, parameters, aliases, source=self.item.source)

    def looked_at(self, aliases: Aliases | None = None) -> Policy:
        """Compiled with something in place of each parameter that has no value yet."""
        return self.compiled({name: stand_in(about) for name, about in self.needed.items()}, aliases)


def stand_in(about: Json) -> Any:
    """Some value that the parameter may have."""
    keys = {str(key).lower(): value for key, value in about.items()}
    allowed = keys.get("allowedvalues")
    kind = str(keys.get("type", "")).lower()
    if isinstance(allowed, list) and allowed:
        return [allowed[0]] if kind == "array" else allowed[0]
    return STAND_IN.get(kind, "any")


@dataclass(frozen=True)
class Content:
    """What a folder of policies holds."""

    bundle: Bundle
    definitions: tuple[Definition, ...]

    def named(self, name: str) -> Definition | None:
        return next((each for each in self.definitions if each.name.lower() == name.lower()), None)


def read(folder: Path) -> Content:
    """The policies of `folder`, which may also be the folder of one policy."""
    single = any((folder / name).is_file() for name in ("azurepolicy.json", "azurepolicyset.json"))
    bundle = read_bundle(folder.resolve().parent if single else folder)
    if single:
        own = folder.resolve()
        bundle = Bundle(
            {name: item for name, item in bundle.items.items() if Path(item.source).resolve().parent == own},
            tuple(fault for fault in bundle.faults if Path(fault[0]).resolve().parent == own),
        )
    return Content(bundle, tuple(_definition(item) for item in bundle.definitions))


def _definition(item: Item) -> Definition:
    cases: list[Case] = []
    faults: list[tuple[Path, FinopsError]] = []
    for file in sorted((Path(item.source).parent / "tests").glob("*")):
        try:
            cases.append(read_case(file))
        except FinopsError as fault:
            faults.append((file, fault))
    return Definition(item, tuple(cases), tuple(faults))
