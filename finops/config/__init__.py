"""Settings: one YAML file, `FINOPS_*` variables and a folder of secrets, checked before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from finops.config.model import Settings
    from finops.config.reading import Held
    from finops.config.secrets import AskVault

_PACKAGE = Path(__file__).parent.parent


def folder(name: str) -> Path:
    """The shipped folder `name` ("policies", "janitor", "reports", "cron"), in a wheel and in a checkout alike."""
    shipped = _PACKAGE / "_shipped" / name
    return shipped if shipped.is_dir() else _PACKAGE.parent / name


def load(
    path: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    vault: AskVault | None = None,
    held: Held | None = None,
) -> Settings:
    """The effective settings; see finops.config.reading."""
    # pydantic takes 0.4 s to import: not before a command needs its settings.
    from finops.config.reading import load as read

    return read(path, overrides, vault, held)
