"""The janitor's mails: whom they reach, what they say, and that each thing is told once, whenever the run dies."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from lives import ANA, BO, DAY, GROUP, MONDAY, desk, endpoint, finding, history, only, opened, row, sweep

from finops import approvals, mail
from finops.config.model import Settings
from finops.errors import FinopsError
from finops.janitor import Quiet
from finops.jobs.sweeping import tell
from finops.state import State

NEXT_WEEK = MONDAY.replace(day=24)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return configured(tmp_path)


def configured(tmp_path: Path, page: bool = True, **janitor: object) -> Settings:
    web = {
        "auth": "easyauth", "tenant_id": "t", "public_url": "https://finops.contoso.example", "secret_key": "k" * 40,
    }  # fmt: skip
    return Settings.model_validate(
        {
            "janitor": {"mode": "act", "approvers": {"/": ["platform@contoso.example"]}, **janitor},
            "guard": {"admins": ["admin@contoso.example"]},
            "mail": {"outbox": tmp_path / "outbox"},
            "report": {"organisation": "Contoso <Research>"},
            "web": web if page else {},
        }
    )


def mails(settings: Settings) -> list[EmailMessage]:
    found = []
    for path in mail.Outbox(settings.mail.outbox).mails():
        message = email.message_from_bytes(path.read_bytes(), policy=default)
        assert isinstance(message, EmailMessage)
        found.append(message)
    return found


def to(settings: Settings, person: str, kind: str = "") -> list[EmailMessage]:
    return [one for one in mails(settings) if person in one["To"] and f"janitor-{kind}" in one["Message-ID"]]


def body(message: EmailMessage, kind: str = "plain") -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def found(state: State, *findings: object, **other: object) -> None:
    sweep(state, MONDAY, *(findings or (finding(),)), told=False, **other)


def test_one_digest_for_each_owner_and_one_for_the_approvers(state: State, settings: Settings):
    found(state, *(finding(f"e{number}", owner=f"o{number % 2}@contoso.example") for number in range(6)))

    told = tell(state, settings, MONDAY)

    assert len(told.mails) == 3
    assert sorted(str(one["To"]) for one in mails(settings)) == [
        "o0@contoso.example", "o1@contoso.example", "platform@contoso.example",
    ]  # fmt: skip
    assert {record.status for record in state.findings.all()[0]} == {"pending"}


def test_subjects_say_how_much_and_how_many(state: State, settings: Settings):
    found(state, finding("a", saving=Decimal("1200.50")), finding("b", saving=Decimal(300), risk="high"))

    tell(state, settings, MONDAY)

    [owner], [group] = to(settings, "ola@contoso.example"), to(settings, "platform@contoso.example")
    assert owner["Subject"] == "$1,500.50 a month: still need these 2 resources? Say by 23 Nov"
    assert group["Subject"] == "$1,500.50 a month, 2 decisions to take (1 of high risk)"


def test_the_grace_begins_when_the_mail_is_left(state: State, settings: Settings):
    found(state)

    tell(state, settings, MONDAY + DAY)

    assert only(state).asked_at == MONDAY + DAY
    assert only(state).due_at == NEXT_WEEK.replace(hour=17)
    assert only(state).expires_at == MONDAY + 15 * DAY


def test_nothing_is_told_twice(state: State, settings: Settings):
    found(state)
    tell(state, settings, MONDAY)

    again = tell(state, settings, MONDAY + timedelta(hours=1))

    assert (again.mails, len(mails(settings))) == ((), 2)


def test_no_mail_leaves_in_quiet_hours_and_no_grace_begins(state: State, settings: Settings):
    found(state)

    night = tell(state, settings, MONDAY.replace(hour=21))
    morning = tell(state, settings, MONDAY.replace(day=17, hour=8))

    assert (night.mails, night.waiting, len(morning.mails)) == ((), 1, 2)
    assert only(state).asked_at == MONDAY.replace(day=17, hour=8)


def test_the_group_of_the_nearest_scope_is_asked(state: State, tmp_path: Path):
    groups = {"/": ["all@contoso.example"], GROUP.upper(): ["ml@contoso.example", "ml2@contoso.example"]}
    settings = configured(tmp_path, approvers={**groups, f"{GROUP}-other": ["no@contoso.example"]})
    found(state)

    tell(state, settings, MONDAY)

    assert [str(one["To"]) for one in to(settings, "ml")] == ["ml@contoso.example, ml2@contoso.example"]
    assert to(settings, "all@contoso.example") == to(settings, "no@contoso.example") == []


def test_admins_are_told_where_nobody_is_the_owner(state: State, settings: Settings):
    found(state, finding(owner="not an address"))

    tell(state, settings, MONDAY)

    assert len(to(settings, "admin@contoso.example")) == 1


def test_where_nobody_can_be_told_nothing_goes_on(state: State, tmp_path: Path):
    settings = Settings.model_validate({"janitor": {"mode": "act"}, "mail": {"outbox": tmp_path / "outbox"}})
    found(state, finding(owner=""))

    told = tell(state, settings, MONDAY)

    assert told.problems == ("Nobody can be told of finding 1: set janitor.approvers or guard.admins.",)
    assert only(state).status == "asked"


def test_what_changed_is_told_anew_and_says_what(state: State, settings: Settings):
    found(state)
    tell(state, settings, MONDAY)
    sweep(state, MONDAY + DAY, finding(digest="d2" * 32, dependents=("alias prod",)), told=False)

    told = tell(state, settings, MONDAY + DAY)

    assert len(told.mails) == 2
    [_, again] = sorted(to(settings, "ola@contoso.example"), key=lambda one: str(one["Date"]))
    assert "Asked again: What was seen changed: what depends on it changed." in body(again)


def test_a_reminder_goes_out_once_before_the_request_expires(state: State, settings: Settings):
    found(state)
    tell(state, settings, MONDAY)

    early = tell(state, settings, MONDAY + 10 * DAY)
    on_time = tell(state, settings, MONDAY + 11 * DAY)
    again = tell(state, settings, MONDAY + 11 * DAY + timedelta(hours=1))

    assert [len(one.mails) for one in (early, on_time, again)] == [0, 1, 0]
    [reminder] = to(settings, "platform@contoso.example", "reminder")
    assert reminder["Subject"] == "Expires 30 Nov: $700.00 a month, 1 decision"


def confirmed(state: State, settings: Settings) -> None:
    found(state)
    tell(state, settings, MONDAY)
    desk(state).approve(row(only(state)), ANA, MONDAY)
    for status in ("scheduled", "acted", "confirmed"):
        approvals.moved(state, 1, status, "It is gone.", NEXT_WEEK, "apply", restorable_until=NEXT_WEEK + 30 * DAY)


def test_a_receipt_says_how_to_undo_it(state: State, settings: Settings):
    confirmed(state, settings)

    tell(state, settings, NEXT_WEEK)

    for person in ("ola@contoso.example", "ana@contoso.example"):
        [receipt] = to(settings, person, "receipt")
        assert receipt["Subject"] == "$700.00 a month: 1 resource deleted"
        assert "finops janitor undo 1" in body(receipt)
        assert "It can be brought back until Thursday 24 Dec 2026 09:00 UTC" in " ".join(body(receipt).split())


def test_a_receipt_comes_once(state: State, settings: Settings):
    confirmed(state, settings)
    tell(state, settings, NEXT_WEEK)

    assert tell(state, settings, NEXT_WEEK + timedelta(hours=2)).mails == ()


def test_those_who_approved_hear_why_it_was_not_done(state: State, settings: Settings):
    found(state)
    tell(state, settings, MONDAY)
    desk(state).approve(row(only(state)), ANA, MONDAY)
    sweep(state, NEXT_WEEK, present=[endpoint("chat")])

    tell(state, settings, NEXT_WEEK)

    [receipt] = to(settings, "ana@contoso.example", "receipt")
    assert receipt["Subject"] == "Approved, and not done: 1 resource"
    assert "The rule does not hold for it any more." in body(receipt)
    assert to(settings, "ola@contoso.example", "receipt") == []


def test_an_undo_is_told(state: State, settings: Settings):
    confirmed(state, settings)
    tell(state, settings, NEXT_WEEK)
    approvals.moved(state, 1, "restored", "Made again by Ana.", NEXT_WEEK, "undo")

    tell(state, settings, NEXT_WEEK)

    assert "Brought back: 1 resource" in [str(one["Subject"]) for one in to(settings, "ana@contoso.example", "receipt")]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("place", range(1, 9))
def test_whenever_the_run_dies_each_mail_is_left_once(state: State, tmp_path: Path, place: int):
    """The state is wrapped, not the clock or the code: the run ends at the n-th write, then another one goes on."""
    settings = configured(tmp_path)
    found(state, finding("a"), finding("b", owner="bo@contoso.example"))
    writes = 0

    class Dying:
        """A state whose n-th write is the last thing that the process does."""

        def __init__(self, before: bool) -> None:
            self.before = before

        def __getattr__(self, name: str) -> object:
            given = getattr(state, name)
            if name not in {"keep", "told", "drop"}:
                return given

            def wrapped(*args: object) -> object:
                nonlocal writes
                writes += 1
                if writes == place and self.before:
                    raise Killed
                result = given(*args)
                if writes == place:
                    raise Killed
                return result

            return wrapped

    for before in (True, False):
        writes = 0
        with suppress(Killed):
            tell(Dying(before), settings, MONDAY)  # type: ignore[arg-type]

    tell(state, settings, MONDAY + timedelta(hours=1))

    assert sorted(str(one["To"]) for one in mails(settings)) == [
        "bo@contoso.example", "ola@contoso.example", "platform@contoso.example",
    ]  # fmt: skip
    assert {record.status for record in state.findings.all()[0]} == {"pending"}
    assert history(state, only(state, "a")).count("pending") == 1


def test_an_outbox_that_cannot_be_written_loses_nothing(state: State, tmp_path: Path):
    settings = configured(tmp_path)
    settings.mail.outbox.write_text("a file where the folder should be")
    found(state)
    first = tell(state, settings, MONDAY)
    settings.mail.outbox.unlink()

    told = tell(state, settings, MONDAY + timedelta(hours=1))

    assert first.mails == ()
    assert "could not be left" in first.problems[0]
    assert (len(told.mails), only(state).status) == (2, "pending")


@pytest.mark.parametrize("name", ["<b>bold</b>", "=cmd()", "[red]x", "x" * 250, "a'\"&", "\u202eevil", "日本語"])
def test_names_of_any_kind_are_shown_as_text(state: State, settings: Settings, name: str):
    found(state, finding(name, owner="platform@contoso.example", why=f"{name} is unused.", dependents=(name,)))

    tell(state, settings, MONDAY)

    for message in mails(settings):
        html = body(message, "html")
        assert not re.search(r"<b>bold|\u202e", html)
        assert "Contoso &lt;Research&gt;" in html
        assert "\n" not in str(message["Subject"])
        assert len(str(message["Subject"])) <= 78


def test_a_mail_of_a_thousand_findings_is_not_cut_by_gmail(state: State, settings: Settings):
    found(state, *(finding(f"e{number}" + "x" * 100, risk="high" if number % 2 else "low", why="w" * 900,
                           dependents=("d" * 200,) * 9) for number in range(1000)))  # fmt: skip

    tell(state, settings, MONDAY)

    [owner], [group] = to(settings, "ola@contoso.example"), to(settings, "platform@contoso.example")
    for message in (owner, group):
        assert len(body(message, "html").encode()) < 80_000
        assert "more: the page has all of them" in body(message)
    assert group["Subject"] == "$700,000.00 a month, 1,000 decisions to take (500 of high risk)"


def test_links_lead_to_the_page_and_name_nobody(state: State, settings: Settings):
    found(state)

    tell(state, settings, MONDAY)

    links = {link for one in mails(settings) for link in re.findall(r'href="([^"]+)"', body(one, "html"))}
    assert links
    assert all(link.startswith("https://finops.contoso.example/m/") for link in links)
    assert not any("ola" in link or "chat" in link for link in links)


def test_without_a_page_mails_name_the_commands(state: State, tmp_path: Path):
    settings = configured(tmp_path, page=False)
    found(state)

    tell(state, settings, MONDAY)

    for message in mails(settings):
        assert "finops janitor show 1" in body(message)
        assert "href=" not in body(message, "html")


def test_a_quiet_step_and_what_was_not_checked_are_said(state: State, settings: Settings):
    quiet = Quiet("traffic0", 7)
    found(state, finding(quiet=quiet, not_checked=("callers outside of Azure",), risk="high"))

    tell(state, settings, MONDAY)

    text = " ".join(body(to(settings, "platform@contoso.example")[0]).split())
    assert "First its traffic is set to 0 for 7 days." in text
    assert "Not checked: callers outside of Azure" in text


def test_amounts_of_two_currencies_are_not_added(state: State, settings: Settings):
    found(state, finding("a"), finding("b"))
    with state.findings.changing() as change:
        change.touch(change.get(1), currency="EUR")

    tell(state, settings, MONDAY)

    [group] = to(settings, "platform@contoso.example")
    assert group["Subject"] == "2 decisions to take"
    assert "€700.00 a month" in body(group)
    assert "$700.00 a month" in body(group)


def test_the_approvers_are_told_of_what_somebody_without_an_address_approved(state: State, settings: Settings):
    found(state)
    tell(state, settings, MONDAY)
    desk(state).approve(row(only(state)), approvals.Person("command-line", "root", "", BO.roles), MONDAY)
    sweep(state, NEXT_WEEK)

    tell(state, settings, NEXT_WEEK)

    assert [one["Subject"] for one in to(settings, "platform@contoso.example", "receipt")] == [
        "Approved, and not done: 1 resource"
    ]
    assert to(settings, "ola@contoso.example", "receipt") == []


def test_an_owner_is_given_the_contacts_of_all_findings_each_once(state: State, tmp_path: Path):
    groups = {"/": ["all@contoso.example"], endpoint("a"): ["a@contoso.example"]}
    settings = configured(tmp_path, approvers=groups)
    found(state, finding("a"), finding("b"), finding("c"))

    tell(state, settings, MONDAY)

    [owner] = to(settings, "ola@contoso.example")
    [told] = re.findall(r"Questions: (.*?)\.(?: |$)", " ".join(body(owner).split()).replace("example.", "example. "))
    assert sorted(told.removeprefix("write to ").split(", ")) == ["a@contoso.example", "all@contoso.example"]


def test_each_finding_of_a_reminder_is_reminded_of_once(state: State, settings: Settings):
    found(state, finding("a"), finding("b"))
    tell(state, settings, MONDAY)
    tell(state, settings, MONDAY + 11 * DAY)

    again = tell(state, settings, MONDAY + 11 * DAY + timedelta(hours=1))

    assert again.mails == ()
    assert all(state.told_at(f"janitor/reminder/{number}/1") for number in (1, 2))


def test_what_is_said_of_something_done_is_no_second_receipt(state: State, settings: Settings):
    confirmed(state, settings)
    tell(state, settings, NEXT_WEEK)
    with state.findings.changing() as change:
        change.say(change.get(1), "Its saving was seen on the bill.", NEXT_WEEK + DAY, "finops report")

    assert tell(state, settings, NEXT_WEEK + DAY).mails == ()


def test_mails_of_a_run_that_died_are_left_as_they_were_before_anything_else_is_told(state: State, settings: Settings):
    found(state, finding("a"))

    class Dying:
        """The process ends when its mails are written down, and none of them is left."""

        def __getattr__(self, name: str) -> object:
            return getattr(state, name)

        def keep(self, *args: object) -> None:
            state.keep(*args)  # type: ignore[arg-type]
            raise Killed

    with suppress(Killed):
        tell(Dying(), settings, MONDAY)  # type: ignore[arg-type]

    night = tell(state, settings, MONDAY.replace(hour=21))

    assert len(night.mails) == 2
    assert only(state, "a").asked_at == MONDAY.replace(hour=21)  # grace begins when the mails have left


@pytest.mark.parametrize("place", range(1, 7))
def test_whenever_the_run_dies_each_receipt_is_left_once(state: State, tmp_path: Path, place: int):
    settings = configured(tmp_path)
    confirmed(state, settings)
    writes = 0

    class Dying:
        def __getattr__(self, name: str) -> object:
            given = getattr(state, name)
            if name not in {"keep", "told", "drop"}:
                return given

            def wrapped(*args: object) -> object:
                nonlocal writes
                writes += 1
                if writes == place:
                    raise Killed
                return given(*args)

            return wrapped

    with suppress(Killed):
        tell(Dying(), settings, NEXT_WEEK)  # type: ignore[arg-type]
    tell(state, settings, NEXT_WEEK + timedelta(hours=1))
    tell(state, settings, NEXT_WEEK + timedelta(hours=2))

    assert [len(to(settings, one, "receipt")) for one in ("ola@contoso.example", "ana@contoso.example")] == [1, 1]


def test_a_receipt_waits_for_the_end_of_the_quiet_hours(state: State, settings: Settings):
    confirmed(state, settings)

    night = tell(state, settings, NEXT_WEEK.replace(hour=22))
    morning = tell(state, settings, NEXT_WEEK.replace(day=25, hour=9))

    assert (len(night.mails), len(morning.mails)) == (0, 2)


@pytest.mark.parametrize("hour", [0, 6, 22])
def test_no_reminder_leaves_in_quiet_hours(state: State, settings: Settings, hour: int):
    found(state)
    tell(state, settings, MONDAY)

    assert tell(state, settings, (MONDAY + 11 * DAY).replace(hour=hour)).mails == ()


def test_nobody_is_reminded_of_what_is_decided_or_expired(state: State, settings: Settings):
    found(state, finding("a"), finding("b"))
    tell(state, settings, MONDAY)
    desk(state).deny(row(only(state, "a")), ANA, MONDAY, "ours")

    assert tell(state, settings, MONDAY + 15 * DAY).mails == ()  # b has expired since
    tell(state, settings, MONDAY + 14 * DAY - timedelta(minutes=1))

    [reminder] = to(settings, "platform@contoso.example", "reminder")
    assert reminder["Subject"] == "Expires 30 Nov: $700.00 a month, 1 decision"


def test_what_is_asked_anew_is_reminded_of_anew(state: State, settings: Settings):
    found(state)
    tell(state, settings, MONDAY)
    tell(state, settings, MONDAY + 11 * DAY)
    sweep(state, MONDAY + 11 * DAY, finding(digest="d2" * 32), told=False)
    tell(state, settings, MONDAY + 11 * DAY)

    tell(state, settings, MONDAY + 22 * DAY)

    assert len(to(settings, "platform@contoso.example", "reminder")) == 2


def test_an_answer_to_a_letter_of_an_older_round_does_not_count_as_told(state: State, tmp_path: Path):
    """The mail was written down, the run died, and what it spoke of changed before it was left."""
    settings = configured(tmp_path)
    settings.mail.outbox.write_text("a file where the folder should be")
    found(state)
    with suppress(FinopsError):
        tell(state, settings, MONDAY)
    with state.findings.changing() as change:
        change.touch(change.get(1), round=2)
    settings.mail.outbox.unlink()

    tell(state, settings, MONDAY.replace(hour=22))

    assert only(state).asked_at is None


def test_the_owner_reads_what_happens_when_and_whom_to_ask(state: State, settings: Settings):
    found(state)

    tell(state, settings, MONDAY)

    [mail] = to(settings, "ola@contoso.example")
    for text in (" ".join(body(mail).split()), " ".join(re.sub("<[^>]+>", " ", body(mail, "html")).split())):
        assert "press “I need it: keep it” by Monday 23 Nov 2026 17:00 UTC" in text
        assert "Without an approval by Monday 30 Nov 2026 09:00 UTC nothing happens." in text
        assert "Questions: write to platform@contoso.example." in text
        assert "Delete: it is removed. For 30 days it can be made again" in text


def test_questions_go_where_answers_are_read(state: State, settings: Settings):
    read = settings.model_copy(update={"mail": settings.mail.model_copy(update={"reply_to": "help@contoso.example"})})
    found(state)

    tell(state, read, MONDAY)

    [mail] = to(settings, "ola@contoso.example")
    assert "Questions: answer this mail." in body(mail)
    assert mail["Reply-To"] == "help@contoso.example"


def test_where_the_days_differ_each_says_its_own(state: State, settings: Settings):
    found(state, finding("a"), finding("b", grace_days=1))

    tell(state, settings, MONDAY)

    text = body(to(settings, "ola@contoso.example")[0])
    assert "Say so by Tuesday 17 Nov 2026 17:00 UTC" in text
    assert "Say so by Monday 23 Nov 2026 17:00 UTC" in text


def test_a_receipt_tells_what_failed_from_what_was_kept(state: State, settings: Settings):
    names = {"a": "kept", "b": "failed", "c": "gone"}
    found(state, *map(finding, names))
    tell(state, settings, MONDAY)
    for name, end in names.items():
        desk(state).approve(row(only(state, name)), ANA, MONDAY)
        steps = ("scheduled", "acted", end) if end == "failed" else (end,)
        for status in steps:
            approvals.moved(state, only(state, name).number, status, f"Because of {name}.", NEXT_WEEK, "apply")

    tell(state, settings, NEXT_WEEK)

    [receipt] = to(settings, "ana@contoso.example", "receipt")
    for said in ("Kept: Because of a.", "Failed: Because of b.", "Already gone: Because of c."):
        assert said in body(receipt)
