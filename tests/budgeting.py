"""Budgets for tests: charges of a few days, settings of a few lines, and a state to remember what was told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import yaml
from charges_files import SUB, charge, focus

from finops import charges
from finops.budget import Budget, budgets_of
from finops.charges import Charges
from finops.config.model import Settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WORKSPACE = f"{SUB}/resourceGroups/ml-rg/providers/Microsoft.MachineLearningServices/workspaces/ws"
GPU = f"{WORKSPACE}/computes/gpu"


def settings(tmp_path: Path, text: str, **more: Any) -> Settings:
    """Settings of the YAML after `budgets:`, with an outbox and a state of their own."""
    given = {"budgets": yaml.safe_load(text), "mail": {"outbox": tmp_path / "outbox", "finance": ["finance@x.example"]},
             "state": {"url": str(tmp_path / "state.db")}, **more}  # fmt: skip
    return Settings.model_validate(given)


def budget(text: str = "{all: 1000}", name: str = "all") -> Budget:
    return next(
        one for one in budgets_of(Settings.model_validate({"budgets": yaml.safe_load(text)})) if one.name == name
    )


def days(first: str, last: str, cost: str, **more: Any) -> list[dict[str, Any]]:
    """The same charge every day from `first` to `last`."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [
        charge(str(start + timedelta(days=n)), cost, ChargeCategory="Usage", **more)
        for n in range((end - start).days + 1)
    ]


def book(tmp_path: Path, *rows: dict[str, Any], now: datetime = NOW, name: str = "costs.csv") -> Charges:
    return charges.load([focus(tmp_path / name, *rows)], late_hours=24, now=now)


def mails(folder: Path) -> list[EmailMessage]:
    """The mails in an outbox folder."""
    found = [message_from_bytes(file.read_bytes(), policy=default) for file in sorted(folder.glob("*.eml"))]
    return [one for one in found if isinstance(one, EmailMessage)]


__all__ = ["GPU", "NOW", "SUB", "WORKSPACE", "book", "budget", "charge", "days", "mails", "settings"]
