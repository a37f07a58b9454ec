"""Alias normalisation: regorus flattens a body before it reads it, we read it in place. Both must see the same.

Each recorded case is a pair: an ARM body, and what regorus flattens it to (or flattens back from). For every value in
the flat form, the field of that name must read the same value from the ARM body. The flat form itself, with its key
casing and its way back, is regorus' own and has no counterpart here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from finops.conditions import Aliases, Condition, catalogue, compile_condition
from finops.conditions.fields import ROOTS
from finops.errors import DataError

# Where a case says what cannot be asked of us.
DIFFERS = {
    "denormalize_aliases.yaml: collision safe key": "its alias was not recorded; _p_type is a name of regorus' own",
    "denormalize_aliases.yaml: versioned path - matching version": "its alias isEnabled was not recorded",
    "edge_cases.yaml: denormalize: both isenabled and enabled present, alias wins": "isEnabled was not recorded",
    "round_trip.yaml: element remap removes stale dotted ARM source field": "an empty config is left over from moving",
    "round_trip.yaml: round-trip dotted element remap preserves ARM casing": "an empty config is left over from moving",
}
FLAT_ROOTS = {name.lower() for name in ROOTS}


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """(field name, value) of all that is not empty, members of an array under one name with [*]."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            quoted = f"['{key}']" if "/" in key or "." in key else f".{key}" if name else key
            yield from leaves(each, name + quoted)
    elif isinstance(value, list) and value:
        for each in value:
            yield from leaves(each, f"{name}[*]")
    else:
        yield name, value


def gathered(flat: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, value in leaves(flat):
        found.setdefault(name, []).append(value)
    return found


def candidates(name: str, kind: str, aliases: Aliases) -> list[str]:
    """Under which names the ARM body may have it: an alias, else a plain path."""
    if aliases.named(f"{kind}/{name}"):
        return [f"{kind}/{name}"]
    root = name.split(".")[0].split("[")[0].lower()
    if root in FLAT_ROOTS or ".data/" in kind.lower():
        return [name]
    parts = f"properties.{name}".split("[*].")
    wrapped = [[part, f"properties.{part}"] for part in parts[1:]]
    return ["[*].".join(each) for each in product(parts[:1], *wrapped)]


def compiled(name: str, aliases: Aliases) -> Condition:
    return compile_condition({"field": name, "exists": True}, aliases=aliases, fields="any")


def value_of(name: str, body: Any, aliases: Aliases, version: str | None) -> list[Any]:
    told = compiled(name, aliases).explain(body, api_version=version)
    return told.value if "[*]" in name else [told.value]


def sees_the_same(body: Any, flat: Any, case: Mapping[str, Any], aliases: Aliases) -> bool:
    if not isinstance(flat, dict) or not flat:
        return compiled("name", aliases).holds(body) is False
    kind = str((body if isinstance(body, dict) else {}).get("type") or case.get("resource_type") or "")
    for name, wanted in gathered(flat).items():
        found = [value_of(each, body, aliases, case.get("api_version")) for each in candidates(name, kind, aliases)]
        told = [[value for value in each if value is not None] for each in found]
        if [value for value in wanted if value is not None] not in told:
            return False
    return True


def pairs(case: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """(ARM body, flat form) that the case says are one and the same."""
    given, flat = case.get("input"), case.get("expected_normalized")
    found = [(given, flat)] if "expected_normalized" in case else []
    if "expected_denormalized" in case:
        found.append((case["expected_denormalized"], given))
    if case.get("expected_envelope"):
        found.append((given, case["expected_envelope"]["resource"]))
    if "expected_round_trip" in case:
        found.append((case["expected_round_trip"], flat) if flat else (given, case["expected_round_trip"]))
    return found or [(given, None)]


def test_every_field_reads_what_the_flattened_form_says(shared_data: Path) -> None:
    folder = shared_data / "policy_cases"
    if not folder.is_dir():
        pytest.skip(f"no policy cases at {folder}")
    cases = json.loads((folder / "regorus_alias_normalization_cases.json").read_text("utf-8"))["cases"]
    recorded = catalogue(json.loads((folder / "regorus_test_aliases.json").read_text("utf-8")))
    misses = []
    for case in cases:
        told = {key: value for key, value in case.items() if value is not None}
        aliases = catalogue(json.loads(told["aliases_json"])) if "aliases_json" in told else recorded
        try:
            agree = all(sees_the_same(body, flat, told, aliases) for body, flat in pairs(told))
        except DataError:
            agree = False
        if not agree:
            misses.append(f"{case['source'].rpartition('/')[2]}: {case['note']}")

    print(f"\n{len(cases) - len(misses)} of {len(cases)} normalisations agree")  # noqa: T201
    assert [miss for miss in misses if miss not in DIFFERS] == []
