"""The dead-man's notice: whom it reaches, when, how often, and what it says."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import database, postgresql, server
from outside_daemon import DUTIES, GUARD, HOUR, NOW, REPORT, duty, ran, settings

from finops.config.model import Settings
from finops.daemon import deadman
from finops.daemon.deadman import GRACE, Looked
from finops.daemon.lateness import WATCHED
from finops.jobs.duties.model import Duty
from finops.state import State

__all__ = ["database", "postgresql", "server"]

MINUTE = timedelta(minutes=1)


class Site:
    """A daemon's state, its settings, and the mails that lie in its outbox. It has looked after duties for a month."""

    def __init__(self, folder: Path, daemon: Mapping[str, Any] | None = None, **more: Any) -> None:
        self.folder = folder
        self.settings: Settings = settings(folder, {"operators": ["ops@contoso.example"]} | dict(daemon or {}), **more)
        self.state = State.open(self.settings.state.url)
        for name in () if self.state.kept(WATCHED) else ("deliver", "guard", "ingest", "report", "sweep"):
            self.state.keep(WATCHED + name, (NOW - timedelta(days=30)).isoformat(), NOW)

    def look(self, now: datetime, duties: tuple[Duty, ...] = (GUARD,)) -> Looked:
        return deadman.look(self.state, self.settings, duties, now)

    def mails(self) -> list[Any]:
        found = [email.message_from_bytes(f.read_bytes(), policy=email.policy.default)
                 for f in (self.folder / "outbox").glob("*.eml")]  # fmt: skip
        return sorted(found, key=lambda mail: mail["Date"].datetime)

    def subjects(self) -> list[str]:
        return [mail["Subject"] for mail in self.mails()]

    def told_late(self, now: datetime, duties: tuple[Duty, ...] = (GUARD,)) -> None:
        """Noticed, and told after the grace."""
        self.look(now, duties)
        self.look(now + GRACE, duties)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.state.close()


def text(mail: Any) -> str:
    return str(mail.get_body(("plain",)).get_content())


def flat(mail: Any) -> str:
    return " ".join(text(mail).split())


def test_a_duty_that_succeeds_in_time_is_no_mail(site: Site):
    ran(site.state, "guard", NOW - 30 * MINUTE)
    site.look(NOW)

    assert site.look(NOW + 2 * MINUTE) == Looked()


def test_a_duty_that_does_not_is_one_mail_to_the_operators(site: Site):
    ran(site.state, "guard", NOW - 3 * HOUR)
    for minutes in range(0, 300, 5):
        site.look(NOW + minutes * MINUTE)

    assert site.subjects() == ["guard is late: no success for 3 hours"]
    assert site.mails()[0]["To"] == "ops@contoso.example"


def test_it_says_since_when_why_and_what_to_do(site: Site):
    ran(site.state, "guard", NOW - 3 * HOUR)
    ran(site.state, "guard", NOW - HOUR, "failed", why="Azure said 403. Grant Microsoft.Foo/read.")
    site.told_late(NOW)

    said = flat(site.mails()[0])
    assert "Last success: 23 Nov 2026 09:01 UTC, 3 hours ago." in said
    assert "failed: Azure said 403. Grant Microsoft.Foo/read." in said
    assert "finops daemon run --once guard" in said
    assert "finops daemon status" in said


def test_when_it_succeeds_again_that_is_one_mail_in_the_same_thread(site: Site):
    ran(site.state, "guard", NOW - 3 * HOUR)
    site.told_late(NOW)
    ran(site.state, "guard", NOW + HOUR)
    for minutes in range(0, 50, 5):
        site.look(NOW + HOUR + (5 + minutes) * MINUTE)

    late, well = site.mails()
    assert well["Subject"] == "guard works again"
    assert well["References"] == late["References"]
    assert "after having been late for 2 hours" in flat(well)


def test_another_lapse_is_another_mail(site: Site):
    ran(site.state, "guard", NOW - 3 * HOUR)
    site.told_late(NOW)
    ran(site.state, "guard", NOW + HOUR)
    site.look(NOW + HOUR + 5 * MINUTE)
    site.told_late(NOW + 5 * HOUR)

    assert [one.split(":")[0] for one in site.subjects()] == ["guard is late", "guard works again", "guard is late"]


def test_a_daemon_that_was_down_catches_up_before_anybody_is_told(site: Site):
    ran(site.state, "guard", NOW - timedelta(days=7))
    site.look(NOW)
    ran(site.state, "guard", NOW + MINUTE)

    assert site.look(NOW + GRACE + MINUTE).told == ()
    assert site.mails() == []


def test_one_that_starts_again_and_again_tells_all_the_same(tmp_path: Path):
    for minutes in range(0, 15, 3):
        site = Site(tmp_path)
        if minutes == 0:
            ran(site.state, "guard", NOW - 3 * HOUR)
        site.look(NOW + minutes * MINUTE)
        site.state.close()

    assert len(site.mails()) == 1


def test_duties_that_are_late_together_are_told_in_one_mail(site: Site):
    others = tuple(duty(name) for name in ("guard", "ingest", "sweep"))
    for one in others:
        ran(site.state, one.name, NOW - 3 * HOUR)
    site.told_late(NOW, others)

    assert site.subjects() == ["3 duties are late: guard, ingest, sweep"]


def test_one_that_joins_later_is_a_mail_of_its_own_and_the_first_is_not_told_again(site: Site):
    duties = (GUARD, duty("sweep", late_after=6 * HOUR))
    for one in duties:
        ran(site.state, one.name, NOW - 3 * HOUR)
    for hours in range(8):
        site.look(NOW + hours * HOUR, duties)

    assert [one.split(":")[0] for one in site.subjects()] == ["guard is late", "sweep is late"]


def test_what_has_never_succeeded_is_late_from_when_it_was_first_looked_at(site: Site):
    site.state.drop(WATCHED + "guard")
    site.look(NOW)
    before = site.look(NOW + 70 * MINUTE)
    site.told_late(NOW + 80 * MINUTE)

    assert before.late == ()
    assert site.subjects() == ["guard is late: it has never succeeded, for 90 minutes"]


def test_what_is_off_is_never_late_and_counts_anew_when_it_is_on_again(tmp_path: Path):
    site = Site(tmp_path, {"schedule": {"guard": "off"}})
    ran(site.state, "guard", NOW - timedelta(days=40))
    site.told_late(NOW)
    site.state.close()
    again = Site(tmp_path)

    assert again.look(NOW + HOUR).late == ()
    assert again.look(NOW + 2 * HOUR + 30 * MINUTE).late == ("guard",)
    again.state.close()


def test_who_switches_off_what_is_late_hears_that_nobody_waits_for_it(tmp_path: Path):
    site = Site(tmp_path)
    ran(site.state, "guard", NOW - 3 * HOUR)
    site.told_late(NOW)
    site.state.close()
    off = Site(tmp_path, {"schedule": {"guard": "off"}})
    off.look(NOW + HOUR)
    off.state.close()

    assert off.subjects()[1] == "guard is switched off now"


@pytest.mark.parametrize(
    ("when", "late_after", "last", "late_from"),
    [
        ("daily at 05:30", HOUR, "2026-11-23T05:30", "2026-11-24T06:30"),  # a site runs it more seldom than we do
        ("weekdays at 09:00", timedelta(days=1), "2026-11-20T09:00", "2026-11-24T09:00"),  # over the weekend
        ("weekly on monday at 06:30", timedelta(days=8), "2026-11-16T06:30", "2026-11-24T06:31"),
        ("every 15 minutes", HOUR, "2026-11-23T12:00", "2026-11-23T13:15"),
    ],
)
def test_what_is_not_due_is_not_late(site: Site, when: str, late_after: timedelta, last: str, late_from: str):
    one = (duty("guard", when, late_after),)
    ran(site.state, "guard", datetime.fromisoformat(f"{last}+00:00"))
    moment = datetime.fromisoformat(f"{late_from}+00:00")

    assert site.look(moment - MINUTE, one).late == ()
    assert site.look(moment + MINUTE, one).late == ("guard",)


def test_a_run_that_hangs_and_slots_that_were_missed_are_told(site: Site):
    ran(site.state, "guard", NOW - 5 * HOUR)
    site.state.daybook.skip("guard", [NOW - 3 * HOUR, NOW - 4 * HOUR], "Nobody was there.", NOW - 2 * HOUR)
    site.state.daybook.begin("guard", NOW - 2 * HOUR, "r", "me", 1, NOW - 2 * HOUR)
    site.told_late(NOW)

    said = flat(site.mails()[0])
    assert "is still under way, for 2 hours." in said
    assert "missed, 2 times: Nobody was there." in said


@pytest.mark.parametrize(
    ("operators", "admins", "to"),
    [
        (["ops@contoso.example"], ["admin@contoso.example"], ["ops@contoso.example"]),
        ([], ["admin@contoso.example", "two@contoso.example"], ["admin@contoso.example", "two@contoso.example"]),
        ([], [], ["finance@contoso.example"]),
    ],
)
def test_somebody_is_always_told(tmp_path: Path, operators: list[str], admins: list[str], to: list[str]):
    site = Site(tmp_path, {"operators": operators}, guard={"admins": admins})
    ran(site.state, "guard", NOW - 3 * HOUR)
    site.told_late(NOW)
    site.state.close()

    assert sorted(mail["To"] for mail in site.mails()) == to


def test_two_replicas_that_look_at_once_leave_one_mail(tmp_path: Path):
    first, second = Site(tmp_path), Site(tmp_path)
    ran(first.state, "guard", NOW - 3 * HOUR)
    for one in (first, second):
        one.look(NOW)
    for one in (first, second):
        one.look(NOW + GRACE)
        one.state.close()

    assert len(first.mails()) == 1


def test_whoever_is_killed_after_the_plan_was_kept_tells_it_once(site: Site, monkeypatch: pytest.MonkeyPatch):
    """The plan is on the disk, nothing else: as a kill right after that leaves it."""
    ran(site.state, "guard", NOW - 3 * HOUR)
    site.look(NOW)
    kept = site.state.keep

    class Killed(BaseException):
        pass

    def keep(key: str, value: Any, now: datetime) -> None:
        kept(key, value, now)
        if key == deadman.OUTGOING:
            raise Killed

    site.state.keep = keep  # type: ignore[method-assign]
    with pytest.raises(Killed):
        site.look(NOW + GRACE)
    site.state.keep = kept  # type: ignore[method-assign]
    before = site.mails()
    for minutes in (1, 2, 3):
        site.look(NOW + GRACE + minutes * MINUTE)

    assert (len(before), len(site.state.letters.newest())) == (0, 1)


def test_it_leaves_at_once_though_the_duty_that_delivers_is_what_is_late(site: Site):
    delivers = duty("deliver")
    ran(site.state, "deliver", NOW - 3 * HOUR)
    site.told_late(NOW, (delivers,))

    assert site.subjects() == ["deliver is late: no success for 3 hours"]


def test_a_notice_that_cannot_leave_is_a_problem_so_that_the_ping_falls_silent(tmp_path: Path):
    relay = {"transport": "smtp", "smtp": {"host": "127.0.0.1", "port": 9, "security": "none"}}
    site = Site(tmp_path, mail=relay)
    ran(site.state, "guard", NOW - 3 * HOUR)
    site.told_late(NOW)
    soon, later = site.look(NOW + 20 * MINUTE), site.look(NOW + 2 * HOUR)
    site.state.close()

    assert soon.problems == ()
    assert ["The notice 'guard is late" in one for one in later.problems] == [True]


def test_secrets_and_line_breaks_in_a_reason_are_not_mailed(tmp_path: Path):
    site = Site(tmp_path, web={"secret_key": "k3y-of-the-web-page"})
    ran(site.state, "guard", NOW - 3 * HOUR)
    why = "GET https://a/?sig=abc123DEF failed with k3y-of-the-web-page\r\nBcc: evil@x <b>bold</b> " + "x" * 5000
    ran(site.state, "guard", NOW - HOUR, "failed", why=why)
    site.told_late(NOW)
    site.state.close()

    mail = site.mails()[0]
    html = mail.get_body(("html",)).get_content()
    assert [part for part in ("abc123DEF", "k3y-of") if part in html + text(mail)] == []
    assert "<b>bold" not in html
    assert mail["Bcc"] is None
    assert len(html.encode()) < 80_000


def test_a_clock_that_was_put_back_does_not_silence_it(site: Site):
    ran(site.state, "guard", NOW - 3 * HOUR)
    site.look(NOW + timedelta(days=365))

    assert site.look(NOW).told == ("guard is late: no success for 2 hours",)


def test_it_works_on_both_databases(database: str, tmp_path: Path):
    own = settings(tmp_path, {"operators": ["ops@contoso.example"]})
    with State.open(database) as state:
        deadman.look(state, own, DUTIES, NOW - timedelta(days=7))
        ran(state, "guard", NOW - 3 * HOUR)
        ran(state, "report", NOW - HOUR)
        deadman.look(state, own, DUTIES, NOW)
        told = deadman.look(state, own, DUTIES, NOW + GRACE)
        again = deadman.look(state, own, (GUARD, REPORT), NOW + GRACE + MINUTE)

    assert told.told == ("guard is late: no success for 3 hours",)
    assert (again.late, again.told) == (("guard",), ())
