"""Read the settings from where they lie, remember which came from where, and say what is wrong with them."""

from __future__ import annotations

import difflib
import json
import os
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from finops.config import secrets
from finops.config.azure import AzureSettings
from finops.config.model import Settings
from finops.config.secrets import AskVault
from finops.errors import ConfigError

PREFIX = "FINOPS_"
# Names with our prefix that say where settings are, and are none themselves. The last is for tests.
NOT_SETTINGS = {"FINOPS_CONFIG", "FINOPS_SECRETS", "FINOPS_SHARED_DATA", "FINOPS_EVICTION_RATE"}
OF_FILE = "secret "  # where a value comes from: this and the name of its file
OF_TRAININGS = "FINOPS_CHECKPOINT_"
DEFAULT_FILE = Path("finops.yaml")

# Settings that are gone, and what to write in their place.
MOVED = {
    "report.monthly_budget": "Write  budgets: {all: 1000}  with your amount, beside `report:`; see docs/budgets.md.",
}

Json = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what, with the value and where it was found, and how to mend it."""

    what: str
    fix: str


@dataclass(frozen=True)
class Loaded:
    """The settings as far as they are valid, each value's origin by its path, and what is wrong."""

    values: Json
    origins: Mapping[str, str]
    problems: list[Problem]
    file: Path | None


@dataclass(frozen=True)
class Held:
    """A YAML file as somebody read it: what is written into it later does not count. file: None, there was none."""

    file: Path | None
    text: str


def hold(path: Path | None = None) -> Held | None:
    """The file that `load` would read now. None where it cannot be read: `load` says why."""
    file = _file(path)
    try:
        return Held(file, file.read_text("utf-8") if file else "")
    except (OSError, UnicodeDecodeError):
        return None


def load(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    vault: AskVault | None = None,
    held: Held | None = None,
) -> Settings:
    """The effective settings: defaults < YAML file < secrets folder < FINOPS_* variables < `overrides`.

    path: the YAML file; by default $FINOPS_CONFIG, else finops.yaml in this folder where it exists.
    vault: asked for secrets that are given as keyvault:NAME, when they are used.
    held: the YAML file as it was when somebody read it, in place of `path`.
    Raises ConfigError naming the first problem; `finops config check` lists them all.
    """
    found = gather(path, overrides, vault=vault, held=held)
    if found.problems:
        first, more = found.problems[0], len(found.problems) - 1
        rest = f" ({more} more: run `finops config check`.)" if more else ""
        raise ConfigError(first.what, first.fix + rest)
    return Settings.model_validate(found.values)


def gather(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    model: type[BaseModel] = Settings,
    vault: AskVault | None = None,
    held: Held | None = None,
) -> Loaded:
    """All settings from all places, validated against `model`, with every problem there is."""
    problems: list[Problem] = []
    file = held.file if held else _file(path)
    layers = [
        _yaml(file, model, problems, held.text if held else None) if file else {},
        _secrets(model, problems),
        _environment(model, problems),
        {path: (value, "command line") for path, value in (overrides or {}).items()},
    ]
    merged = {leaf: found for layer in layers for leaf, found in layer.items()}
    values: Json = {}
    for leaf, (value, origin) in list(merged.items()):
        if isinstance(value, str) and is_secret(field_of(model, leaf)):
            value = _kept(leaf, value, origin, values, vault)
        clash = _put(values, leaf, value)
        if clash:
            problems.append(Problem(f"{clash} is a section, but {origin} gives it a value.", "Give its keys instead."))
    origins = {leaf: origin for leaf, (_, origin) in merged.items()}
    problems += _without_vault(values, origins, model)
    try:
        model.model_validate(values)
    except ValidationError as fault:
        problems += [_problem(error, model, origins) for error in fault.errors()]
    return Loaded(values, origins, problems, file)


def _file(path: Path | None) -> Path | None:
    if path is not None:
        return path
    named = os.environ.get("FINOPS_CONFIG")
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def _where(fault: yaml.YAMLError | UnicodeDecodeError) -> str:
    """ " at line 2: expected the node content, but found '<stream end>'"."""
    if isinstance(fault, yaml.MarkedYAMLError) and fault.problem_mark is not None:
        return f" at line {fault.problem_mark.line + 1}: {fault.problem}"
    return f": {' '.join(str(fault).split())}".rstrip(".")


def _yaml(file: Path, model: type[BaseModel], problems: list[Problem], text: str | None) -> dict[str, tuple[Any, str]]:
    try:
        content = yaml.safe_load(file.read_text("utf-8") if text is None else text)
    except OSError as fault:
        problems.append(
            Problem(f"The settings file {file} cannot be read ({fault.strerror}).", "Check --config and its rights.")
        )
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        problems.append(
            Problem(f"{file} is not YAML{_where(fault)}.", "Mend that line; see docs/settings.md for an example.")
        )
        return {}
    if content is None:
        return {}
    if not isinstance(content, dict):
        problems.append(
            Problem(
                f"{file} holds a {type(content).__name__}, not settings.", "Start it with a section such as 'report:'."
            )
        )
        return {}
    return {leaf: (value, str(file)) for leaf, value in _leaves(content, set(paths(model)))}


def _secrets(model: type[BaseModel], problems: list[Problem]) -> dict[str, tuple[Any, str]]:
    """One file a setting, named like the variable without its prefix: `azure__client_id`."""
    named = os.environ.get("FINOPS_SECRETS")
    if not named:
        return {}
    folder, found = Path(named), {}
    try:
        # Kubernetes mounts a secret as links beside hidden folders.
        for file in sorted(folder.iterdir()):
            if file.is_file() and not file.name.startswith("."):
                leaf = file.name.lower().replace("__", ".")
                found[leaf] = (_parsed(field_of(model, leaf), file.read_text("utf-8").strip()), OF_FILE + file.name)
    except ValueError:
        problems.append(Problem(f"The secret {file} is not JSON.", "Write the list or table as JSON."))
    except OSError as fault:
        problems.append(
            Problem(
                f"The secrets folder {folder} cannot be read ({fault.strerror}).",
                "Set FINOPS_SECRETS to a folder we may read.",
            )
        )
    return found


def _kept(leaf: str, value: str, origin: str, values: Json, vault: AskVault | None) -> Any:
    """A secret as it is kept: what lies in a file or a vault is read when it is used."""

    def azure() -> AzureSettings:
        return AzureSettings.model_validate(values.get("azure", {}))

    if origin.startswith(OF_FILE):
        file = Path(os.environ["FINOPS_SECRETS"]) / origin.removeprefix(OF_FILE)
        return secrets.live(secrets.from_file(file, leaf), leaf, azure, vault)
    return secrets.live(lambda: value, leaf, azure, vault) if value.startswith(secrets.VAULT) else value


def _without_vault(values: Json, origins: Mapping[str, str], model: type[BaseModel]) -> Iterator[Problem]:
    """Secrets of a Key Vault that nobody named."""
    azure = values.get("azure")
    if isinstance(azure, Mapping) and azure.get("key_vault"):
        return
    for leaf, origin in origins.items():
        if is_secret(field_of(model, leaf)) and _is_far(values, leaf):
            yield Problem(
                f"{leaf} is in a Key Vault by {origin}, and azure.key_vault is missing.",
                "Write the vault's name, such as  azure: {key_vault: kv-finops}.",
            )


def _is_far(values: Any, leaf: str) -> bool:
    for name in leaf.split("."):
        values = values.get(name) if isinstance(values, Mapping) else None
    return isinstance(values, secrets.LiveSecret) and values.far


def _environment(model: type[BaseModel], problems: list[Problem]) -> dict[str, tuple[Any, str]]:
    """Read by hand: pydantic-settings ignores unknown names, does not say which variable is not JSON, and
    lower-cases the keys of tables."""
    known, found = list(paths(model)), {}
    for name in sorted(set(os.environ) - NOT_SETTINGS):
        if not name.startswith(PREFIX) or name.startswith(OF_TRAININGS):
            continue
        leaf = name.removeprefix(PREFIX).lower().replace("__", ".")
        if leaf not in known:
            near = difflib.get_close_matches(leaf, known, n=1)
            hint = f"Did you mean {variable(near[0])}?" if near else "`finops config show` lists all settings."
            hint = MOVED.get(leaf, hint)
            problems.append(Problem(f"The variable {name} is not a setting.", hint))
            continue
        try:
            found[leaf] = (_parsed(field_of(model, leaf), os.environ[name]), name)
        except ValueError:
            problems.append(
                Problem(
                    f"{name} is {os.environ[name]!r}, which is not JSON.", f"Write {EXAMPLES[_shape(model, leaf)]}."
                )
            )
    return found


EXAMPLES: dict[Any, str] = {
    list: 'a list, such as ["a", "b"] or a,b',
    dict: 'a table, such as {"CC-4300": "LLM Platform"}',
}


def _parsed(field: FieldInfo | None, text: str) -> Any:
    """The value of a variable: lists and tables are JSON, plain lists may be separated by commas."""
    shape = get_origin(field.annotation) if field else None
    if shape is list and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    return json.loads(text) if shape in (list, dict) else text


def _shape(model: type[BaseModel], leaf: str) -> Any:
    field = field_of(model, leaf)
    return get_origin(field.annotation) if field else str


def variable(path: str) -> str:
    """The environment variable that sets `path`: "report.currency" is FINOPS_REPORT__CURRENCY."""
    return PREFIX + path.upper().replace(".", "__")


def _leaves(tree: Mapping[Any, Any], known: set[str], above: str = "") -> Iterator[tuple[str, Any]]:
    """Each value by its path. A table is one value: its keys are people's, and may hold dots."""
    for key, value in tree.items():
        path = f"{above}{key}"
        if isinstance(value, Mapping) and value and path not in known:
            yield from _leaves(value, known, f"{path}.")
        else:
            yield path, value


def _put(tree: Json, path: str, value: Any) -> str:
    *above, last = path.split(".")
    for name in above:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            return name
    if isinstance(tree.get(last), dict) and not isinstance(value, dict):
        return path  # a section was given, and now a plain value for it
    tree[last] = value
    return ""


def paths(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = _section(field)
        if inner is None:
            yield f"{above}{name}"
        else:
            yield from paths(inner, f"{above}{name}.")


def _section(field: FieldInfo) -> type[BaseModel] | None:
    annotation = field.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def field_of(model: type[BaseModel], path: str) -> FieldInfo | None:
    """The field that `path` names, or None."""
    name, _, rest = path.partition(".")
    field = model.model_fields.get(name)
    if field is None or not rest:
        return field
    inner = _section(field)
    if inner:
        return field_of(inner, rest)
    of = _item(field)
    below = rest.partition(".")[2]
    return (field_of(of, below) or field) if of and below else field


def _item(field: FieldInfo) -> type[BaseModel] | None:
    """What the values of a table are, where they are sections themselves: people give the names above them."""
    if get_origin(field.annotation) is not dict:
        return None
    of = get_args(field.annotation)[1]
    of = get_args(of)[0] if get_origin(of) is Annotated else of
    return of if isinstance(of, type) and issubclass(of, BaseModel) else None


def _names(model: type[BaseModel], path: str) -> list[str]:
    """The settings that `path` may have meant; within a table whose items are sections, those of the item."""
    parts = path.split(".")
    for depth in range(1, len(parts) - 1):
        table = field_of(model, ".".join(parts[:depth]))
        if of := table and _item(table):
            return [".".join([*parts[: depth + 1], name]) for name in of.model_fields]
    return list(paths(model)) if "." in path else list(model.model_fields)


def is_secret(field: FieldInfo | None) -> bool:
    if field is None:
        return False
    kinds = (
        get_args(field.annotation) if get_origin(field.annotation) in (Union, types.UnionType) else (field.annotation,)
    )
    return SecretStr in kinds


def _problem(error: Any, model: type[BaseModel], origins: Mapping[str, str]) -> Problem:
    path = ".".join(str(part) for part in error["loc"])
    origin = next((o for leaf, o in origins.items() if leaf == path or leaf.startswith(f"{path}.")), None)
    parent = ".".join(path.split(".")[:-1])
    above = [".".join(path.split(".")[:end]) for end in range(path.count("."), 0, -1)]
    origin = origin or next((origins[leaf] for leaf in above if leaf in origins), "the settings")
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(path, _names(model, path), n=1)
        hint = f"Did you mean {near[0]}?" if near else "`finops config show` lists all settings."
        hint = MOVED.get(path, hint)
        return Problem(f"{path} is not a setting (in {origin}).", hint)
    if error["type"] == "model_type":
        known = field_of(model, path)
        inner = known and (_section(known) or _item(known))
        keys = ", ".join(list(inner.model_fields)[:3]) if inner else "those in docs/settings.md"
        return Problem(f"{path} is {error['input']!r} in {origin}, but it is a section.", f"Give its keys: {keys}, ...")
    field = field_of(model, path) or field_of(model, parent)
    # A section is not shown: it may hold secrets.
    whole = field is not None and _section(field) is not None
    value = "wrong" if whole else "(hidden)" if is_secret(field) else repr(error["input"])
    said = error["msg"].removeprefix("Value error, ")
    meaning = f" {path}: {field.description}" if field and field.description else ""
    return Problem(f"{path} is {value} in {origin}: {said[:1].lower()}{said[1:]}.", f"Mend that value.{meaning}")
