"""Which settings a command works with."""

from __future__ import annotations

from pathlib import Path

import pytest

from finops.cli.session import Session


def test_a_recorded_estate_says_that_its_own_charges_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "finops.yaml"
    config.write_text("charges: {sources: [/exports/costs]}\n")

    settings = Session(config=config, estate=tmp_path / "estate").settings

    assert settings.charges.sources == [str(tmp_path / "estate" / "charges")]
    assert "not charges.sources (/exports/costs)" in capsys.readouterr().err


def test_without_sources_there_is_nothing_to_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "finops.yaml"
    config.write_text("report: {organisation: Contoso}\n")

    settings = Session(config=config, estate=tmp_path / "estate").settings

    assert settings.charges.sources == [str(tmp_path / "estate" / "charges")]
    assert capsys.readouterr().err == ""
