"""`finops audit`: a trail that was tampered with is found out, by heads that mails have noted."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from finops import mail
from finops.cli import cli
from finops.config.model import MailSettings
from finops.state import State

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Call `finops audit ...` beside a state of nine entries."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "finops.yaml").write_text("state: {url: state.db}\n")
    write(tmp_path, 9)

    def call(*words: str) -> Result:
        return CliRunner().invoke(cli, ["audit", *words], catch_exceptions=False)

    return call


def write(folder: Path, entries: int, why: str = "because") -> str:
    with State.open(folder / "state.db") as state:
        for number in range(entries):
            evidence = {"finding": number % 3 + 1}
            state.audit(
                "finops", f"did {number}", f"/subscriptions/{number}", why, evidence, NOW.replace(day=number + 1)
            )
        return state.audit_head()


def change(folder: Path, statement: str) -> None:
    db = sqlite3.connect(folder / "state.db")
    db.execute(statement)
    db.commit()
    db.close()


def keep(folder: Path, text: str, html: str = "<p>seen</p>") -> Path:
    """A mail of ours as somebody kept it."""
    made = mail.notice("janitor-receipt", "ann@contoso.com", "Done", text, html, [text], NOW, MailSettings())
    return mail.Outbox(folder / "kept").put(made)


def head(folder: Path) -> str:
    with State.open(folder / "state.db") as state:
        return state.audit_head()


def test_a_whole_trail_is_said_to_be_whole_with_its_head(run, tmp_path: Path):
    result = run("verify")

    assert result.exit_code == 0
    assert (
        f"The audit trail is whole: 9 entries, each sealed by the one after it. Its head: {head(tmp_path)}"
        in result.output
    )


def test_without_a_noted_head_it_is_said_what_is_not_known(run):
    assert "Whether its end was cut off cannot be seen without a head" in run("verify").output


def test_a_trail_that_was_cut_off_is_found_by_a_kept_mail(run, tmp_path: Path):
    kept = keep(tmp_path, f"Deleted: chat.\n\nAudit trail: {head(tmp_path)}\n")

    change(tmp_path, "DELETE FROM audit WHERE number > 6")
    result = run("verify", "--mails", str(kept.parent))

    assert result.exit_code == 1
    assert "The trail ends with entry 6, and entry 9 was noted: its end was cut off." in result.output
    assert "Change nothing in Azure until you know why." in result.output
    assert "NOT on the trail" in result.output
    assert kept.name in result.output


def test_a_trail_that_was_cut_off_and_continued_is_found_by_a_head_given_by_hand(run, tmp_path: Path):
    noted = head(tmp_path)

    change(tmp_path, "DELETE FROM audit WHERE number > 6")
    write(tmp_path, 5, "another")
    result = run("verify", "--head", noted.upper())

    assert result.exit_code == 1
    assert "Entry 9 is another one than the one that was noted: the trail was written anew." in result.output


def test_an_edited_entry_is_named(run, tmp_path: Path):
    change(tmp_path, "UPDATE audit SET why = 'else' WHERE number = 3")

    result = run("verify", "--head", head(tmp_path))

    assert result.exit_code == 1
    assert "Entry 3 was changed" in result.output
    assert "not looked for" in result.output


def test_every_head_of_every_mail_must_be_on_the_trail(run, tmp_path: Path):
    early = head(tmp_path)
    keep(tmp_path, f"Audit trail: {early}\n")
    late = write(tmp_path, 4)
    keep(tmp_path, f"Audit trail: {late}\n")
    write(tmp_path, 1)

    whole = run("verify", "--mails", "kept")
    change(tmp_path, "DELETE FROM audit WHERE number > 10")
    cut = run("verify", "--mails", "kept", "-o", "json")

    assert whole.exit_code == 0
    assert "All 2 heads that were noted are on it, the newest at entry 13." in whole.output
    assert "1 entry is newer than that" in whole.output
    assert cut.exit_code == 1
    assert [row["Result"] for row in json.loads(cut.stdout)] == ["on the trail", "NOT on the trail"]


@pytest.mark.parametrize(
    "written",
    ["> Audit trail: {}", "> > Audit trail:\n> > {}", "Audit trail {}\r", "Audit trail:\n{}"],
    ids=["quoted", "quoted and folded", "without colon", "folded"],
)
def test_heads_are_found_in_mails_that_went_through_other_hands(run, tmp_path: Path, written: str):
    kept = keep(tmp_path, "Ann wrote:\n" + written.format(head(tmp_path)) + "\n")

    assert "The head that was noted is on it" in run("verify", "--mails", str(kept)).output


def test_heads_are_found_in_a_mail_that_has_html_only(run, tmp_path: Path):
    file = tmp_path / "one.eml"
    page = f"<p>Done</p><td>Audit trail: <span>{head(tmp_path)}</span></td>"
    file.write_text(f"Subject: x\nMIME-Version: 1.0\nContent-Type: text/html; charset=unheard-of\n\n{page}\n")

    assert run("verify", "--mails", str(file)).exit_code == 0


def test_what_others_wrote_into_a_mail_passes_for_no_head(run, tmp_path: Path):
    forged = "99:" + "0" * 64
    keep(tmp_path, f"  Why: Audit trail: {forged} is unused.\nAudit trail: {forged}\n\nAudit trail: {head(tmp_path)}\n")

    assert run("verify", "--mails", "kept").exit_code == 0


def test_a_folder_without_any_head_is_no_proof(run, tmp_path: Path):
    keep(tmp_path, "Nothing here.")

    result = run("verify", "--mails", "kept")

    assert result.exit_code == 2
    assert "No head stands in kept: 1 mail was looked at." in result.output


@pytest.mark.parametrize("given", ["", "9", "9:abc", "x:" + "0" * 64, "09:" + "0" * 64, "9:" + "g" * 64])
def test_what_is_no_head_is_told_in_a_line(run, given: str):
    result = run("verify", "--head", given)

    assert result.exit_code == 2
    assert "is no head." in result.output


def test_a_sealed_trail_asks_for_its_key(run, tmp_path: Path):
    with State.open(tmp_path / "state.db", audit_key=b"kept elsewhere") as state:
        state.audit("finops", "did", "", "", {}, NOW)

    result = run("verify")

    assert result.exit_code == 1
    assert "Give the key as the secret state.audit_key" in result.output


def test_head_prints_what_is_to_be_noted(run, tmp_path: Path):
    assert run("head").stdout.strip() == head(tmp_path)


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (["--limit", "2"], [8, 9]),
        (["--after", "7"], [8, 9]),
        (["--finding", "1"], [1, 4, 7]),
        (["--what", "DID 3"], [4]),
        (["--who", "nobody"], []),
        (["--resource", "/subscriptions/8"], [9]),
        (["--since", "2026-11-03", "--until", "2026-11-05"], [3, 4]),
    ],
)
def test_show_prints_the_entries_that_are_asked_for(run, words: list[str], numbers: list[int]):
    assert [row["number"] for row in json.loads(run("show", *words, "-o", "json").stdout)] == numbers


def test_show_names_who_did_what_and_says_that_there_is_more(run):
    output = run("show", "--limit", "1").output

    assert "finops" in output
    assert "did 8" in output
    assert "The newest 1 of 9 entries; --limit 0 prints all." in output


def test_show_survives_evidence_that_somebody_broke(run, tmp_path: Path):
    change(tmp_path, "UPDATE audit SET evidence = '{broken' WHERE number = 2")

    result = run("show", "-o", "json")

    assert json.loads(result.stdout)[1]["evidence"] == {"unreadable": "{broken"}


def test_nothing_remembered_leaves_no_database(run, tmp_path: Path):
    (tmp_path / "state.db").unlink()

    result = run("verify")

    assert result.exit_code == 2
    assert not (tmp_path / "state.db").exists()
