"""Whoever owns or approved something hears when it is taken out of use to be watched, and how that ended."""

from __future__ import annotations

import email
import json
from collections.abc import Iterator
from datetime import time, timedelta
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from applying import SILENT, Applying, applying, silence, whole
from click.testing import CliRunner
from lives import ANA, DAY, MONDAY, desk, finding, only, opened, row, sweep

from finops import approvals, mail
from finops.cli import cli
from finops.config.model import Settings
from finops.janitor import Quiet
from finops.jobs.sweeping import tell
from finops.jobs.sweeping.tombs import QUIETED
from finops.jobs.sweeping.wording import taking
from finops.state import State
from finops.tombstones import Content, Piece

UNTIL = MONDAY + 9 * DAY
WHY = "Its traffic is set to 0: calls that name no deployment are not answered. It was blue 100 %."
OWNER, GROUP, VOTER = "ola@contoso.example", "platform@contoso.example", "ana@contoso.example"
ROOT = approvals.Person("command-line", "root", "", ANA.roles)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    web = {"auth": "easyauth", "tenant_id": "t", "public_url": "https://finops.example", "secret_key": "k" * 40}
    return Settings.model_validate(
        {
            "janitor": {"mode": "act", "approvers": {"/": [GROUP]}},
            "mail": {"outbox": tmp_path / "outbox"},
            "web": web,
        }
    )


def receipts(settings: Settings, person: str = "") -> list[EmailMessage]:
    found = []
    for path in mail.Outbox(settings.mail.outbox).mails():
        message = email.message_from_bytes(path.read_bytes(), policy=default)
        assert isinstance(message, EmailMessage)
        if "janitor-receipt" in message["Message-ID"] and person in message["To"]:
            found.append(message)
    return sorted(found, key=lambda one: parsedate_to_datetime(one["Date"]))


def said(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return " ".join(str(part.get_content()).split())


def begun(state: State, settings: Settings, by: approvals.Person = ANA, action: str = "traffic0") -> None:
    """A finding that was approved, and is in its quiet step; nobody was told of that yet."""
    sweep(state, MONDAY, finding(quiet=Quiet(action, 7)), told=False)
    tell(state, settings, MONDAY)
    [answer] = desk(state).approve(row(only(state)), by, MONDAY)
    assert answer.ok, answer.said
    approvals.moved(state, 1, "scheduled", "It is due.", MONDAY + 2 * DAY, "apply")
    approvals.moved(state, 1, "quiet", WHY, MONDAY + 2 * DAY, "apply", quiet_until=UNTIL, tombstone="t")
    state.keep(f"{QUIETED}1", "t", MONDAY + 2 * DAY)


@pytest.mark.parametrize("person", [OWNER, VOTER])
@pytest.mark.parametrize("kind", ["plain", "html"])
def test_owner_and_voters_hear_what_was_taken_until_when_and_how_to_end_it(
    state: State, settings: Settings, person: str, kind: str
):
    begun(state, settings)

    tell(state, settings, MONDAY + 2 * DAY)

    [receipt] = receipts(settings, person)
    text = said(receipt, kind)
    assert receipt["Subject"] == "Out of use until 25 Nov, then deleted: 1 resource"
    assert WHY in text
    assert "It is watched until Wednesday 25 Nov 2026 09:00 UTC." in text
    assert "the next run gives back what was taken, and it is kept. If not, it is checked once more, and then" in text
    assert "press “I need it: keep it”" in text
    assert "finops janitor undo 1" in text
    assert "https://finops.example/m/" in text


def test_what_is_stopped_is_not_said_to_start_by_itself(state: State, settings: Settings):
    begun(state, settings, action="stop")

    tell(state, settings, MONDAY + 2 * DAY)

    assert "If somebody starts it before then, it is kept." in said(receipts(settings, OWNER)[0])


def test_the_beginning_is_told_once_though_more_is_said_meanwhile(state: State, settings: Settings):
    begun(state, settings)
    tell(state, settings, MONDAY + 2 * DAY)
    desk(state).deny(row(only(state)), ANA, MONDAY + 2 * DAY, "We need it.")

    again = tell(state, settings, MONDAY + 2 * DAY + timedelta(hours=1))

    assert only(state).status == "quiet"
    assert again.mails == ()


def test_a_request_that_azure_did_not_confirm_is_told_as_such(state: State, settings: Settings):
    begun(state, settings)
    with state.turn():
        state.open_intent(
            MONDAY, generation="g", evidence={"record": 1, "step": "quiet"}, afterwards=None, run="r", resource_id="/x",
            workspace="/w", api_version="1", action="traffic0", rule="janitor/x", why="w", who="me", decision="d",
            saving="",
        )  # fmt: skip

    tell(state, settings, MONDAY + 2 * DAY)

    assert "Azure has not confirmed it yet: the next run finds out." in said(receipts(settings, OWNER)[0])


def test_a_request_that_failed_at_once_is_not_told_as_begun(state: State, settings: Settings):
    begun(state, settings)
    approvals.moved(state, 1, "failed", "409: busy", MONDAY + 2 * DAY, "apply")

    tell(state, settings, MONDAY + 2 * DAY)

    assert receipts(settings, OWNER) == []
    assert "Failed: 409: busy" in said(receipts(settings, VOTER)[0])
    assert "Out of use" not in said(receipts(settings, VOTER)[0])


@pytest.mark.parametrize("person", [OWNER, VOTER])
def test_a_sign_of_life_is_told_to_owner_and_voters(state: State, settings: Settings, person: str):
    begun(state, settings)
    tell(state, settings, MONDAY + 2 * DAY)
    approvals.moved(state, 1, "kept", "It came back to life: It was asked something.", MONDAY + 3 * DAY, "apply")
    state.drop(f"{QUIETED}1")

    tell(state, settings, MONDAY + 3 * DAY)

    text = said(receipts(settings, person)[-1])
    assert receipts(settings, person)[-1]["Subject"] == "Not deleted after all: 1 resource"
    assert "Kept: It came back to life: It was asked something." in text
    assert "Whatever was taken is given back" in text


def test_what_is_still_owed_is_said_to_be_owed(state: State, settings: Settings):
    begun(state, settings)
    approvals.moved(state, 1, "denied", "Ana said no.", MONDAY + 3 * DAY, "apply")

    tell(state, settings, MONDAY + 3 * DAY)

    assert "What was taken is not given back yet: each run tries it again" in said(receipts(settings, OWNER)[0])


def test_who_approved_on_the_command_line_hears_at_the_approvers_address(state: State, settings: Settings):
    begun(state, settings, by=ROOT)
    tell(state, settings, MONDAY + 2 * DAY)
    approvals.moved(state, 1, "kept", "It came back to life.", MONDAY + 3 * DAY, "apply")

    tell(state, settings, MONDAY + 3 * DAY)

    assert [one["Subject"][:3] for one in receipts(settings, GROUP)] == ["Out", "Not"]


def test_the_head_of_the_trail_is_the_last_line_of_receipts_and_digests_but_not_of_owners_questions(
    state: State, settings: Settings
):
    begun(state, settings)
    head = state.audit_head()
    tell(state, settings, MONDAY + 2 * DAY)

    assert said(receipts(settings, OWNER)[0]).endswith(f"Audit trail: {head}")
    assert f"Audit trail: {head}" in said(receipts(settings, OWNER)[0], "html")
    digests = {
        str(message["To"]): said(message)
        for path in mail.Outbox(settings.mail.outbox).mails()
        if "receipt" not in path.name
        and isinstance(message := email.message_from_bytes(path.read_bytes(), policy=default), EmailMessage)
    }
    assert "Audit trail: " in digests[GROUP]
    assert "Audit trail: " not in digests[OWNER]


# -- from the estate to the mail ----------------------------------------------------------------------------------


def call(janitor: Applying, folder: Path, *words: str) -> str:
    file = folder / "finops.yaml"
    settings = json.loads(janitor.settings.model_dump_json(include={"azure", "janitor", "mail"}, exclude_defaults=True))
    file.write_text(json.dumps({**settings, "state": {"url": str(folder / "state.db")}}))
    result = CliRunner().invoke(cli, [*words, "--config", str(file)])
    assert result.exit_code in {0, 1}, result.output
    return result.output


def test_a_run_that_sets_traffic_to_nothing_tells_what_it_was(tmp_path: Path):
    hours = {"quiet_from": time(0), "quiet_until": time(0)}
    with applying(tmp_path, *whole(), metrics=silence(SILENT), quiet_days=7, **hours) as janitor:
        janitor.approved(SILENT, rule="endpoint-without-requests")

        output = call(janitor, tmp_path, "janitor", "apply", "--execute")

        [one] = receipts(janitor.settings, "ann@contoso.com")
        assert "It was blue 90 %, green 10 %, and mirrored green 10 %." in said(one)
        with janitor.state() as state:
            assert f"Audit trail: {state.audit_head()}" in output
        assert "is on it" in call(janitor, tmp_path, "audit", "verify", "--mails", str(janitor.settings.mail.outbox))


@pytest.mark.parametrize(
    ("action", "body", "words"),
    [
        ("traffic0", {"properties": {"traffic": {}}}, "are not answered. It was none."),
        ("minNodes0", {"properties": {"properties": {"scaleSettings": {"minNodeCount": 3}}}},
         "Its minimum of nodes is set to 0. It was 3."),
        ("stop", {"properties": {"properties": {"state": "Running"}}}, "It is stopped. It was Running."),
        ("other", {}, "other is sent to Azure."),
    ],
)  # fmt: skip
def test_what_is_taken_is_said_in_words(action: str, body: dict[str, object], words: str):
    assert taking(Content("/x", action, (Piece("endpoint", "/x", "1", body),))).endswith(words)
