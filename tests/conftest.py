"""What every test may ask for."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from leaving import pytest_sessionfinish, pytest_sessionstart, pytest_terminal_summary

if TYPE_CHECKING:
    from azurite_service import Azurite

__all__ = ["pytest_sessionfinish", "pytest_sessionstart", "pytest_terminal_summary"]

CHECKOUT = Path(__file__).parent.parent
# Whoever runs the tests may have exported the width of a terminal; what goes to a file has none.
os.environ.pop("COLUMNS", None)
# Trainings under test ask no metadata service: a hosted runner has a real one. Tests of announcements name their own.
os.environ.setdefault("FINOPS_CHECKPOINT_IMDS", "off")
# What the clients of tests do by themselves: the 5 s of httpx are less than a busy machine stalls for.
vars(inspect.signature(httpx.get).parameters["timeout"].default).update(
    dict.fromkeys(("connect", "read", "write", "pool"), 60.0)
)
# How long a machine that others use takes to draw an example says nothing about what is tested.
settings.register_profile("any machine", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
SHARED = Path(os.environ.get("FINOPS_SHARED_DATA", CHECKOUT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recorded real data that is not part of the repository; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no recorded data at {SHARED} (set FINOPS_SHARED_DATA)")
    return SHARED


@pytest.fixture(scope="session")
def small_estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded estate, invented once for all workers of a test run. Nobody writes into it."""
    from finops.simulator import new_estate

    # With xdist each worker has a folder of its own below the one that the run has; without, that folder is the run's.
    run = tmp_path_factory.getbasetemp()
    shared = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "small-estate"
    with FileLock(f"{shared}.lock"):
        if not shared.exists():
            draft = tmp_path_factory.mktemp("invented") / "small"
            new_estate(draft, seed=7, size="small")
            draft.rename(shared)
    return shared


@pytest.fixture(scope="session")
def shared_azure(shared_data: Path) -> Path:
    """Microsoft's OpenAPI documents and examples, beside the recorded data."""
    folder = shared_data.parent / "azure"
    if not folder.is_dir():
        pytest.skip(f"no Azure documents at {folder}")
    return folder


@pytest.fixture(scope="session")
def azurite_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Microsoft's Blob service in small, started once a worker; tests that need it skip where it is not installed."""
    from azurite_service import running

    with running(tmp_path_factory.mktemp("azurite")) as service:
        yield service


@pytest.fixture
def azurite(azurite_running: Azurite, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azurite]:
    """The same, empty, and trusted in the way in which people trust a company's own CA."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(azurite_running.authority))
    yield azurite_running
    azurite_running.empty()
