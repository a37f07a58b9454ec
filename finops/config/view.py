"""The settings as rows for people: what holds, where it comes from, what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from finops.config.model import Settings
from finops.config.reading import Loaded, field_of, is_secret, paths


def rows(found: Loaded, model: type[BaseModel] = Settings) -> Iterator[dict[str, Any]]:
    """Each setting's path, effective value (secrets masked), origin and meaning. `found` has no problems."""
    effective = model.model_validate(found.values).model_dump()
    for path in paths(model):
        field = field_of(model, path)
        value: Any = effective
        for name in path.split("."):
            value = value[name]
        origin = next(
            (o for leaf, o in found.origins.items() if leaf == path or leaf.startswith(f"{path}.")), "default"
        )
        yield {
            "setting": path,
            "value": "**********" if is_secret(field) and value is not None else _shown(value),
            "origin": origin,
            "meaning": (field.description if field else "") or "",
        }


def _shown(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
