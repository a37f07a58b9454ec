"""What people are about to create, in the forms that they write it in, as ARM bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finops.conditions import read_rule
from finops.errors import DataError
from finops.policy.inputs import amlyaml, arm, template, terraform
from finops.policy.inputs.given import Given, Json, Place

__all__ = ["Given", "Place", "read_file", "template_values"]

PLACEHOLDER = re.compile(r"\{\{\s*\w+\s*\}\}|<[A-Z_]+>|\$\{\w+\}")
LARGEST = 64 * 1024 * 1024  # bytes; a plan of 10,000 resources has about 30 MiB
KINDS = "a resource as Azure returns it, an az ml YAML, a Terraform plan (terraform show -json) or an ARM template"


def template_values(files: list[Path]) -> tuple[Json, list[Path]]:
    """The values in those files that are parameters of an ARM template, and the other files."""
    values: Json = {}
    others: list[Path] = []
    for file in files:
        found = _json(file) if file.suffix.lower() == ".json" and _is_small(file) else None
        if found is not None and template.is_parameters(found):
            values |= template.values_in(found)
        else:
            others.append(file)
    return values, others


def _is_small(file: Path) -> bool:
    return file.is_file() and file.stat().st_size <= LARGEST


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None  # whoever evaluates the file says what is wrong with it


def read_file(file: Path, place: Place, values: Mapping[str, Any]) -> list[Given]:
    """The resources in a file. `values` are parameters for an ARM template."""
    if not file.is_file():
        raise DataError(f"{file} is not a file.", f"Give {KINDS}.")
    if file.stat().st_size > LARGEST:
        raise DataError(f"{file} has more than {LARGEST >> 20} MiB.", "Give its parts one by one.")
    suffix = file.suffix.lower()
    if suffix == ".bicep":
        raise DataError(f"{file} is Bicep.", f"Build it first: az bicep build --file {file.name}")
    if suffix in (".tf", ".tfplan"):
        raise DataError(f"{file} is no plan as JSON.", "Write one: terraform show -json tfplan > plan.json")
    if suffix in (".yml", ".yaml"):
        return _documents(file, place)
    return _recognised(read_rule(file), str(file), place, values)


# What reading raises where a plan or template has text in place of an object, and the like.
MISSHAPEN = (AttributeError, KeyError, IndexError, TypeError, RecursionError)


def _recognised(found: Any, source: str, place: Place, values: Mapping[str, Any]) -> list[Given]:
    """The resources of one document, whichever kind it is."""
    try:
        return _resources(found, source, place, values)
    except MISSHAPEN as fault:
        told = f"{type(fault).__name__}: {fault}"
        raise DataError(f"{source} is not shaped as its kind should be ({told}).", "Write it anew.") from fault


def _resources(found: Any, source: str, place: Place, values: Mapping[str, Any]) -> list[Given]:
    if terraform.is_plan(found):
        return terraform.resources(found, source, place)
    if terraform.is_state(found):
        raise DataError(f"{source} is a state, not a plan.", "Write one: terraform show -json tfplan > plan.json")
    if template.is_template(found):
        return template.resources(found, source, place, values)
    if arm.is_arm(found):
        return arm.resources(found, source, place)
    kind = amlyaml.kind_of(found)
    if kind:
        return [amlyaml.resource(found, kind, source, place)]
    raise DataError(f"{source} is nothing that can be evaluated.", f"Give {KINDS}.")


def _documents(file: Path, place: Place) -> list[Given]:
    import yaml

    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        raise DataError(f"{file} cannot be read: {fault}.", "Check the path.") from fault
    try:
        documents = [each for each in yaml.safe_load_all(text) if each is not None]
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as fault:
        raise _broken(file, text, fault) from fault
    if not documents:
        raise DataError(f"{file} is empty.", f"Give {KINDS}.")
    given: list[Given] = []
    for at, found in enumerate(documents):
        source = str(file) if len(documents) == 1 else f"{file} (document {at + 1})"
        given += _recognised(found, source, place, {})
    return given


def _broken(file: Path, text: str, fault: Exception) -> DataError:
    holder = PLACEHOLDER.search(text)
    mark = getattr(fault, "problem_mark", None)
    line = mark.line + 1 if mark else text.count("\n", 0, holder.start()) + 1 if holder else 1
    if holder:
        at = text.count("\n", 0, holder.start()) + 1
        return DataError(
            f"{file} is not YAML at line {line}: line {at} has the placeholder {holder[0]}.", "Fill it in."
        )
    what = getattr(fault, "problem", None) or fault
    return DataError(f"{file} is not YAML at line {line}: {what}.", "Mend it there.")
