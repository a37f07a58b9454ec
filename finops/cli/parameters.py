"""Parameter values from a file, as people and Azure's own tools write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finops.errors import UsageError


def read_parameters(file: Path) -> dict[str, Any]:
    """The values in a file: {name: value}, or as Azure's own tools write them, {name: {"value": value}}."""
    import yaml

    try:
        found = yaml.safe_load(file.read_text("utf-8"))
    except OSError as fault:
        raise UsageError(f"{file} cannot be read: {fault.strerror}.", "Check --parameters.") from fault
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        told = " ".join(str(fault).split())
        raise UsageError(f"{file} is neither YAML nor JSON: {told}", "Mend it there.") from fault
    if isinstance(found, dict) and isinstance(found.get("parameters"), dict) and "$schema" in found:
        found = found["parameters"]
    if not isinstance(found, dict):
        raise UsageError(f"{file} does not hold parameters by name.", "Write lines such as effect: Audit.")
    named = {str(name): value for name, value in found.items()}
    return {
        name: value["value"] if isinstance(value, dict) and set(value) == {"value"} else value
        for name, value in named.items()
    }
