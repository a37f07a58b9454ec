"""Which settings and which Azure a command works with: the real one, a local server, or a recorded estate."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note
from finops.errors import UsageError

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import AzureSettings, Settings
    from finops.config.reading import Held

# Seconds that a simulator has to say what time it is there: on a small machine it may be busy with a browser, or with
# settling a day of its estate. Where nothing listens at all, nobody waits.
PATIENCE = 60


@dataclass
class Session:
    """One call of the command line."""

    config: Path | None = None
    azure_url: str | None = None
    estate: Path | None = None
    held: Held | None = field(default=None, repr=False)  # the settings file as it was read, in place of what it is now
    _settings: Settings | None = field(default=None, repr=False)

    def hold(self) -> None:
        """Settings count as their file is now: what is written into it from here on is for the next start."""
        from finops.config.reading import hold

        self.held = hold(self.config)

    @property
    def settings(self) -> Settings:
        """The effective settings, with --azure and --estate worked in: a recording brings its own charges."""
        if self._settings is None:
            from finops.config import load

            overrides: dict[str, Any] = {"azure.endpoint": self.azure_url} if self.azure_url else {}
            if self.estate:
                overrides["charges.sources"] = [str(self.estate / "charges")]
            self._settings = load(self.config, overrides, from_vault, self.held)
            if self.estate and (own := load(self.config).charges.sources):
                note(f"--estate: the charges recorded in {self.estate} count, not charges.sources ({', '.join(own)}).")
        return self._settings

    @cached_property
    def now(self) -> datetime:
        """The time to decide by: when the estate was recorded, a simulator's own time, else the time now (UTC)."""
        if self.estate is not None:
            from finops.estate import stamp

            return stamp(self.estate).as_of
        endpoint = self.settings.azure.endpoint
        return (told_time(endpoint) if endpoint else None) or datetime.now(UTC)

    @contextmanager
    def acting(self) -> Iterator[Azure]:
        """The same for what changes Azure: that goes out as azure.executor, where it is another identity."""
        with self._azure(acting=True) as azure:
            yield azure

    @contextmanager
    def azure(self) -> Iterator[Azure]:
        """A connection to Azure, to --azure, or to a simulator that serves the --estate folder, its clock standing.

        What the recording lacks is refused, so that half an estate never looks like a whole one.
        """
        with self._azure(acting=False) as azure:
            yield azure

    @contextmanager
    def _azure(self, acting: bool) -> Iterator[Azure]:
        from finops.cloud import connect

        if self.estate is None:
            with connect(self.settings.azure, acting=acting, tell=note) as azure:
                yield azure
            return
        from finops.estate import check, faults
        from finops.simulator import serving

        recorded = check(self.estate)
        with serving(self.estate, clock="frozen", faults=faults(recorded.gaps, self.estate)) as server:
            local = self.settings.azure.model_copy(update={"endpoint": server.url, "subscriptions": []})
            with connect(local, acting=acting, tell=note) as azure:
                yield azure


def from_vault(azure: AzureSettings, name: str) -> str:
    """What the Key Vault that the settings name has under `name`: as whoever reads."""
    from finops.cloud import connect
    from finops.cloud.vault import secret

    with connect(azure.model_copy(update={"workers": 1})) as connected:
        return secret(connected, name)


def told_time(endpoint: str, patience: float = PATIENCE) -> datetime | None:
    """What the clock of a simulator at `endpoint` says; None where something else answers.

    Raises where nothing answers within so many seconds: whoever decides by this machine's clock then, decides wrongly.
    """
    import json
    import urllib.error
    import urllib.request

    from finops.errors import TemporaryError

    try:
        with urllib.request.urlopen(f"{endpoint}/simulator/clock", timeout=patience) as answer:  # noqa: S310  # loopback
            said = answer.read()
    except urllib.error.HTTPError:
        return None
    except (OSError, ValueError) as fault:
        why = getattr(fault, "reason", fault)
        raise TemporaryError(
            f"Nothing answers at {endpoint} ({why}), so nobody knows what time it is there.",
            "Start it with `finops simulate serve`, or mend azure.endpoint.",
        ) from fault
    try:
        return datetime.fromisoformat(json.loads(said)["now"])
    except (ValueError, KeyError, TypeError):
        return None


def reads_azure(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --config, --azure and --estate, and pass a Session as the first argument."""

    @click.option(
        "--config", type=click.Path(path_type=Path), help="Settings file.  [default: finops.yaml if it is there]"
    )
    @click.option("--azure", "azure_url", metavar="URL", help="A local server in place of Azure; loopback only.")
    @click.option("--estate", type=click.Path(path_type=Path), help="Run on this recorded estate in place of Azure.")
    @functools.wraps(command)
    def wrapped(*args: Any, config: Path | None, azure_url: str | None, estate: Path | None, **options: Any) -> Any:
        if azure_url and estate:
            raise UsageError("--azure and --estate were both given.", "Give one: a server, or a folder.")
        return command(Session(config, azure_url, estate), *args, **options)

    return wrapped
