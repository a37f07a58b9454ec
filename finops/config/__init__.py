"""Settings: one YAML file, `FINOPS_*` variables and a folder of secrets, checked before anything runs."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def folder(name: str) -> Path:
    """The shipped folder `name` ("policies", "janitor", "reports", "cron"), in a wheel and in a checkout alike."""
    shipped = _PACKAGE / "_shipped" / name
    return shipped if shipped.is_dir() else _PACKAGE.parent / name
