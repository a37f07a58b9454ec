"""What every test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("FINOPS_SHARED_DATA", CHECKOUT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Recorded real data that is not part of the repository; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"no recorded data at {SHARED} (set FINOPS_SHARED_DATA)")
    return SHARED


@pytest.fixture(scope="session")
def shared_azure(shared_data: Path) -> Path:
    """Microsoft's OpenAPI documents and examples, beside the recorded data."""
    folder = shared_data.parent / "azure"
    if not folder.is_dir():
        pytest.skip(f"no Azure documents at {folder}")
    return folder
