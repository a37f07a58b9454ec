"""`finops audit export`: a file that others can check with Python alone, and that a broken trail never becomes."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from finops.cli import cli
from finops.state import State

NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)
DOCS = Path(__file__).parent.parent / "docs" / "audit.md"
OLD, NEW = b"the old key", b"the new key"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trail of nine entries, one a day."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "finops.yaml").write_text("state: {url: state.db}\n")
    filled(tmp_path)
    return tmp_path


def filled(folder: Path, key: bytes | None = None, entries: int = 9) -> str:
    with State.open(folder / "state.db", audit_key=key) as state:
        for day in range(1, entries + 1):
            why = "=1+1, because of “ü”\nand more"
            state.audit("Ana", f"did {day}", f"/subscriptions/{day}", why, {"day": day}, NOW.replace(day=day))
        return state.audit_head()


def export(*words: str) -> Result:
    return CliRunner().invoke(cli, ["audit", "export", *words], catch_exceptions=False)


def verified(folder: Path, file: str, *more: str) -> Any:
    """What the script of the documentation says, with nothing but Python's own library."""
    [script] = re.findall(r"```python\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    (folder / "verify.py").write_text(script, "utf-8")
    return subprocess.run(
        [sys.executable, "-I", "-S", "-X", "utf8", "verify.py", file, *more], cwd=folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_file_is_checked_by_the_script_of_the_documentation(folder: Path):
    said = export("--out", "audit.jsonl")

    checked = verified(folder, "audit.jsonl")
    head = CliRunner().invoke(cli, ["audit", "head"]).stdout.strip()
    assert said.exit_code == 0
    assert f"Audit trail: {head}" in said.stderr
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.splitlines() == [f"It follows on 0:{'0' * 64}", f"It is whole, and ends with {head}"]


@pytest.mark.parametrize(
    "column", ["who", "what", "why", "at", "evidence", "resource_id", "number", "previous", "hash"]
)
def test_the_script_finds_every_changed_column(folder: Path, column: str):
    export("--out", "audit.jsonl")
    lines = (folder / "audit.jsonl").read_text("utf-8").splitlines()
    entry = json.loads(lines[4])
    entry[column] = 77 if column == "number" else entry[column][:-1] + ("0" if entry[column][-1] != "0" else "1")
    lines[4] = json.dumps(entry)
    (folder / "audit.jsonl").write_text("\n".join(lines))

    assert verified(folder, "audit.jsonl").returncode == 1


def test_the_script_finds_a_line_that_was_left_out_and_two_that_changed_places(folder: Path):
    export("--out", "audit.jsonl")
    lines = (folder / "audit.jsonl").read_text("utf-8").splitlines()

    for broken in (lines[:3] + lines[4:], [lines[0], lines[2], lines[1], *lines[3:]]):
        (folder / "audit.jsonl").write_text("\n".join(broken))
        assert "does not follow" in verified(folder, "audit.jsonl").stderr


def test_a_sealed_trail_is_checked_with_its_keys_old_and_new(folder: Path):
    (folder / "state.db").unlink()
    filled(folder, OLD, 3)
    with State.open(folder / "state.db", audit_key=NEW + b"\n" + OLD) as state:
        state.audit("Ben", "did", "/x", "because", {}, NOW)
    (folder / "finops.yaml").write_text(f'state: {{url: state.db, audit_key: "{NEW.decode()}\\n{OLD.decode()}"}}\n')
    (folder / "keys").write_bytes(NEW + b"\n" + OLD + b"\n")
    (folder / "one").write_bytes(NEW)

    assert export("--out", "audit.jsonl").exit_code == 0

    assert verified(folder, "audit.jsonl", "keys").returncode == 0
    assert "Entry 1" in verified(folder, "audit.jsonl", "one").stderr
    assert "Entry 1" in verified(folder, "audit.jsonl").stderr


def test_a_range_says_what_it_follows_on_and_ends_with(folder: Path):
    said = export("--from", "3", "--to", "5", "--out", "some.jsonl")
    by_day = export("--since", "2026-11-03", "--until", "2026-11-06")

    entries = [json.loads(line) for line in (folder / "some.jsonl").read_text("utf-8").splitlines()]
    assert [one["number"] for one in entries] == [3, 4, 5]
    assert f"They follow on 2:{entries[0]['previous']}" in said.stderr
    assert f"They end with 5:{entries[-1]['hash']}" in said.stderr
    assert by_day.stdout == (folder / "some.jsonl").read_text("utf-8")
    assert f"ends with 5:{entries[-1]['hash']}" in verified(folder, "some.jsonl").stdout


def test_the_same_entries_give_the_same_bytes(folder: Path):
    export("--out", "one.jsonl")
    export("--out", "two.jsonl")

    assert (folder / "one.jsonl").read_bytes() == (folder / "two.jsonl").read_bytes()


def test_csv_has_the_same_entries_and_no_formula(folder: Path):
    export("--format", "csv", "--out", "audit.csv")

    with (folder / "audit.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == [str(number) for number in range(1, 10)]
    assert rows[0]["why"].startswith("'=1+1")


def test_a_broken_trail_leaves_no_file(folder: Path):
    db = sqlite3.connect(folder / "state.db")
    db.execute("UPDATE audit SET why = 'nothing' WHERE number = 5")
    db.commit()
    db.close()
    (folder / "audit.jsonl").write_text("the one before")

    said = export("--from", "7", "--out", "audit.jsonl")

    assert said.exit_code == 1
    assert "Entry 5 was changed" in said.stderr
    assert (folder / "audit.jsonl").read_text() == "the one before"
    assert sorted(one.name for one in folder.glob(".*")) == []


def test_a_range_without_entries_is_an_empty_file(folder: Path):
    said = export("--from", "40", "--to", "50", "--out", "none.jsonl")

    assert said.exit_code == 0
    assert "The trail ends with entry 9." in said.stderr
    assert (folder / "none.jsonl").read_bytes() == b""


def test_a_range_from_behind_is_told(folder: Path):
    assert export("--from", "5", "--to", "3").exit_code == 2


def test_the_head_in_the_weekly_report_is_found_by_verify(tmp_path: Path):
    from report_sample import sample

    from finops import mail, report
    from finops.config.model import Settings
    from finops.mail.heads import heads_of

    head = f"1204:{'9f' * 32}"
    settings = Settings()
    model = sample(tmp_path, audit_head=head)

    message = mail.compose(report.render(model, settings), settings.mail)

    (tmp_path / "week.eml").write_bytes(bytes(message))
    assert heads_of(tmp_path / "week.eml")[0] == {head: "week.eml"}
