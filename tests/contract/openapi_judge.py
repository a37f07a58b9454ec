"""Microsoft's OpenAPI (Swagger 2.0) documents as a judge of responses: which operation is this, does its body fit?

Leniences, each with its reason:
- a member that is null counts as absent, which only matters where it is required: Azure sends `"location": null` and
  `"nextLink": null` (recorded, and in Microsoft's own examples), though no document says that it may.
- an enum marked modelAsString is open: Azure adds values without a new version.
- `type: object` without members is any value: AutoRest reads it so, and Microsoft's examples hold strings there.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

Json = dict[str, Any]
METHODS = {"get", "put", "post", "patch", "delete", "head"}
KEPT = {
    "type", "format", "enum", "items", "properties", "required", "allOf", "additionalProperties", "minimum", "maximum",
    "minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems",
}  # fmt: skip
MEMBERS = {"properties", "allOf", "additionalProperties"}
MOST = 5
HERE = "https://openapi.invalid/"  # never fetched: every document is read from the folder
FORMATS = FormatChecker(["date-time", "date", "uuid"])


@dataclass(frozen=True)
class Operation:
    """One method of one path template of one document."""

    document: str
    version: str
    template: str
    method: str
    body: Json
    shape: re.Pattern[str]

    @property
    def name(self) -> str:
        return str(self.body.get("operationId", ""))

    @property
    def literal(self) -> int:
        """How many characters of the template are not parameters."""
        return len(re.sub(r"\{[^}]*\}", "", self.template))

    def schema_of(self, status: int) -> Json | None:
        """The response for a status: {} where it has no body, None where the document does not know the status."""
        responses = self.body.get("responses", {})
        found = responses.get(str(status), responses.get("default") if status >= 400 else None)
        return None if found is None else dict(found.get("schema") or {})


class Documents:
    """All OpenAPI documents below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: dict[str, Json] = {}
        self._known: set[str] = set()
        self._wanted: set[str] = set()
        self._registry: Registry[Any] = Registry()
        self.missing: set[str] = set()

    @cached_property
    def operations(self) -> list[Operation]:
        found = []
        for file in sorted(self._folder.rglob("*.json.gz")):
            name = file.relative_to(self._folder).as_posix().removesuffix(".gz")
            document = self._document(name)
            paths = {**document.get("paths", {}), **document.get("x-ms-paths", {})}
            for template, methods in paths.items():
                for method, body in methods.items():
                    if method in METHODS:
                        version = document.get("info", {}).get("version", "")
                        shape = self._shape(
                            name, template, [*methods.get("parameters", []), *body.get("parameters", [])]
                        )
                        found.append(Operation(name, version, template, method.upper(), body, shape))
        return found

    def find(self, method: str, path: str, version: str = "") -> Operation | None:
        """The operation for a request, or None.

        "/{resourceId}" stands for resources only, not for every path there is, and "{nextLink}" for none. A template
        that names a provider goes before the generic ones of ARM, then the most literal one, then the version asked
        for, then the newest stable.
        """
        matching = [
            each
            for each in self.operations
            if each.method == method
            and not each.template.startswith("{nextLink}")
            and each.shape.fullmatch(path)
            and (each.literal > 1 or "/providers/" in path)
        ]
        return max(
            matching,
            key=lambda each: (
                "Microsoft." in each.template,
                each.literal,
                each.version == version,
                "preview" not in each.version,
                each.version,
            ),
            default=None,
        )

    def faults(self, operation: Operation, status: int, body: Any) -> list[str]:
        """What a response has against its document; empty where it fits."""
        schema = operation.schema_of(status)
        if schema is None:
            return [f"status {status} is not in the document"]
        if not schema:
            return []
        if body is None:
            return ["the body is missing"]
        self._learn(operation.document)
        judged = self._converted(schema, operation.document)
        validator = Draft202012Validator(judged, registry=self._registry, format_checker=FORMATS)
        return [
            f"{'/'.join(str(step) for step in fault.absolute_path) or '(body)'}: {fault.message[-160:]}"
            for fault in validator.iter_errors(_judged(body))
        ]

    def _document(self, name: str) -> Json:
        if name not in self._loaded:
            file = self._folder / f"{name}.gz"
            if not file.exists():
                self.missing.add(name)
                return {}
            with gzip.open(file) as source:
                self._loaded[name] = json.load(source)
        return self._loaded[name]

    def _learn(self, place: str) -> None:
        """Put a document, and those it refers to, into the registry: looked up there, never fetched."""
        if place in self._known:
            return
        self._known.add(place)
        self._registry = self._registry.with_resource(f"{HERE}{place}", self._resource(place)).crawl()
        for other in self._wanted - self._known:
            self._learn(other)

    def _resource(self, place: str) -> Resource[Any]:
        definitions: Json = {}
        raw = self._document(place).get("definitions", {})
        for name, schema in raw.items():
            definitions[f"{name}@own"] = self._converted(schema, place)
            cases = _cases(name, raw) if "discriminator" in schema else {}
            choice = [_when(schema["discriminator"], value, sub) for value, sub in cases.items()]
            definitions[name] = {"allOf": [{"$ref": f"#/definitions/{name}@own"}, *choice]}
            if any(raw[each].get("additionalProperties") is False for each in [name, *cases.values()]):
                definitions[name]["unevaluatedProperties"] = False
        return DRAFT202012.create_resource({"$id": f"{HERE}{place}", "definitions": definitions})

    def _converted(self, schema: Any, place: str) -> Json:
        """A Swagger 2.0 schema as JSON Schema."""
        if "$ref" in schema:
            return self._reference(schema["$ref"], place)
        if schema.get("type") == "file" or (schema.get("type") == "object" and not MEMBERS & set(schema)):
            return {}
        made: Json = {}
        for key, value in schema.items():
            if key not in KEPT:
                continue
            if key == "properties":
                made[key] = {name: self._converted(inner, place) for name, inner in value.items()}
            elif key in {"items", "additionalProperties"}:
                # "No others" is said where a definition is used: within allOf it would refuse the child's members.
                if isinstance(value, dict):
                    made[key] = self._converted(value, place)
            elif key == "allOf":
                # A parent's own members only: its cases would ask back for this child without end.
                made[key] = [
                    self._reference(f"{inner['$ref']}@own", place) if "$ref" in inner else self._converted(inner, place)
                    for inner in value
                ]
            elif key == "enum" and schema.get("x-ms-enum", {}).get("modelAsString", True):
                continue
            else:
                made[key] = value
        return made

    def _reference(self, target: str, place: str) -> Json:
        """A reference as a whole URL; anything fits where its document was not collected."""
        file, _, pointer = target.partition("#")
        other = _joined(place, file)
        if not self._document(other):
            return {}
        self._wanted.add(other)
        return {"$ref": f"{HERE}{other}#{pointer}"}

    def _shape(self, document: str, template: str, parameters: list[Json]) -> re.Pattern[str]:
        """The template as a pattern. A scope or resource id (what comes first, or is not encoded) may hold slashes."""
        whole = set()
        for parameter in parameters:
            if "$ref" in parameter:
                place, _, pointer = parameter["$ref"].partition("#/parameters/")
                parameter = self._document(_joined(document, place)).get("parameters", {}).get(pointer, {})
            if parameter.get("x-ms-skip-url-encoding"):
                whole.add(parameter["name"])
        if template.startswith("/{"):
            whole.add(template[2:].partition("}")[0])
        parts = re.split(r"(\{[^}]*\})", template.partition("?")[0].rstrip("/"))
        pattern = "".join(
            (".+" if part[1:-1] in whole else "[^/]+") if part.startswith("{") else re.escape(part) for part in parts
        )
        return re.compile(pattern.replace("//", "/"), re.IGNORECASE)


def _joined(document: str, place: str) -> str:
    return urljoin(f"{HERE}{document}", place).removeprefix(HERE) if place else document


def _cases(name: str, raw: Json) -> dict[str, str]:
    """The children of a polymorphic definition by their discriminator value."""
    found = {}
    for child, schema in raw.items():
        parents = [inner.get("$ref", "").rpartition("/")[2] for inner in schema.get("allOf", [])]
        if name in parents:
            found[schema.get("x-ms-discriminator-value", child)] = child
            found |= _cases(child, raw)
    return found


def _when(discriminator: str, value: str, definition: str) -> Json:
    """The child's schema, where the discriminator has its value."""
    is_it = {"properties": {discriminator: {"const": value}}, "required": [discriminator]}
    return {"if": is_it, "then": {"$ref": f"#/definitions/{definition}@own"}}


def _judged(value: Any) -> Any:
    """The body without nulls, and with at most MOST items of each list: a thousand alike take minutes to judge."""
    if isinstance(value, dict):
        return {key: _judged(inner) for key, inner in value.items() if inner is not None}
    return [_judged(inner) for inner in value[:MOST]] if isinstance(value, list) else value
