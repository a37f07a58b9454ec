"""Every kind of mail that we send, made as it is made in life: for the tests that hold of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import budgeting as budgets
from guarding import dedicated, guarding
from lives import MONDAY, finding, opened
from outside_daemon import GUARD, HOUR, NOW, duty, ran
from report_data import daily, rendered
from report_sample import closed, sample
from test_anomalies_mail import NAMES, case, last, led_to_the_page, opening
from test_budget_watch import Site, running
from test_daemon_deadman import Site as Late
from test_sweeping_telling import NEXT_WEEK, configured, confirmed, found

from finops.config.model import Settings, WebSettings
from finops.jobs import budgeting
from finops.jobs.sweeping import tell
from finops.report import render
from finops.state import State

SETTINGS = Settings(web=WebSettings(auth="demo", public_url="https://finops.contoso.example"))

Mails = dict[str, str]  # HTML by Message-ID


def left_in(folder: Path) -> Mails:
    """The HTML of every mail in an outbox folder."""
    found: Mails = {}
    for path in sorted(folder.glob("*.eml")):
        message = message_from_bytes(path.read_bytes(), policy=default)
        part = message.get_body(("html",))  # type: ignore[attr-defined]
        found[str(message["Message-ID"])] = part.get_content()
    return found


def weekly(folder: Path) -> Mails:
    rows = [row for centre in ("CC-1", "CC-<2>") for row in daily("2026-11-01", "2026-11-22", centre, "1234.5")]
    return {"<weekly>": rendered(folder, *rows).html}


def janitor(folder: Path) -> Mails:
    settings = configured(folder)
    with opened(folder) as state:
        found(state, *(finding(f"e{n}", risk="high" if n % 3 == 0 else "low", dependents=("a",)) for n in range(9)))
        tell(state, settings, MONDAY)
        tell(state, settings, MONDAY + timedelta(days=11))
    return left_in(settings.mail.outbox)


def receipts(folder: Path) -> Mails:
    settings = configured(folder)
    with opened(folder) as state:
        confirmed(state, settings)
        tell(state, settings, NEXT_WEEK)
    return {name: html for name, html in left_in(settings.mail.outbox).items() if "receipt" in name}


def watch(folder: Path) -> Mails:
    Site(folder).look(running(command="az ml compute update -n gpu --min-instances 0"), running("dark", None))
    return left_in(folder / "outbox")


def late(folder: Path) -> Mails:
    """Two duties that have not succeeded in time, and one of them again."""
    site = Late(folder)
    ran(site.state, "guard", NOW - 3 * HOUR)
    ran(site.state, "guard", NOW - 2 * HOUR, "failed", why="Azure said 403 <b>. Grant Microsoft.Foo/read.")
    duties = (GUARD, duty("sweep"))
    site.told_late(NOW, duties)
    ran(site.state, "guard", NOW + HOUR)
    site.look(NOW + HOUR, duties)
    site.state.close()
    return left_in(folder / "outbox")


def guard(folder: Path) -> Mails:
    with guarding(folder, dedicated(low=1, idle="PT4H", tags={"Costcenter": "CC-2"})) as started:
        started.run(mode="warn")
        return left_in(folder / "outbox")


def budget(folder: Path) -> Mails:
    settings = budgets.settings(folder, "{all: 100}")
    with (
        State.open(settings.state.url) as state,
        budgets.book(folder, *budgets.days("2026-11-01", "2026-11-18", "50")) as book,
    ):
        budgeting.check(book, settings, state, budgets.NOW)
        budgeting.deliver(state, settings, budgets.NOW)
    return left_in(settings.mail.outbox)


def whole(folder: Path) -> Mails:
    """A weekly report with every part that there is."""
    return {"<whole>": render(sample(folder), SETTINGS).html}


def close(folder: Path) -> Mails:
    """The statement of a month that closes."""
    return {"<close>": render(closed(sample(folder)), SETTINGS).html}


def anomaly(folder: Path) -> Mails:
    mails = [make(case(NAMES[name])) for make in (opening, last, led_to_the_page) for name in ("plain", "long")]
    return {f"<anomaly-{n}>": mail["html"] for n, mail in enumerate(mails)}


@dataclass(frozen=True)
class Kind:
    """Mails of one kind: how they are made, how many at least, and the templates that they are made of."""

    make: Callable[[Path], Mails]
    least: int
    templates: tuple[str, ...]


MADE = {
    "weekly": Kind(weekly, 1, ("weekly.html",)),
    "whole": Kind(whole, 1, ("weekly.html",)),
    "close": Kind(close, 1, ("weekly.html",)),
    "anomaly": Kind(anomaly, 6, ("anomaly.html",)),
    "janitor": Kind(janitor, 3, ("janitor-owner.html", "janitor-approvers.html")),
    "receipts": Kind(receipts, 2, ("janitor-receipt.html",)),
    "watch": Kind(watch, 1, ("budget-watch.html",)),
    "guard": Kind(guard, 1, ("owner-notice.html",)),
    "late": Kind(late, 2, ("daemon-late.html",)),
    "budget": Kind(budget, 1, ("budget-alert.html",)),
}
