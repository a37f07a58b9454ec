"""Every mail that we render is shown as it is meant by Outlook for Windows and Gmail, or has something in its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import budgeting as budgets
import pytest
from guarding import dedicated, guarding
from lives import MONDAY, finding, opened
from mail_linter import ALLOWED, ALLOWED_IN_STYLE, SUPPORT, features, lint
from report_data import daily, rendered
from test_budget_watch import Site, running
from test_sweeping_telling import NEXT_WEEK, configured, confirmed, found

from finops.jobs import budgeting
from finops.jobs.sweeping import tell
from finops.state import State

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


MADE: dict[str, tuple[Callable[[Path], Mails], int]] = {
    "weekly": (weekly, 1),
    "janitor": (janitor, 3),
    "receipts": (receipts, 2),
    "watch": (watch, 1),
    "guard": (guard, 1),
    "budget": (budget, 1),
}


@pytest.fixture(scope="module", params=sorted(MADE))
def mails(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mails:
    make, least = MADE[request.param]
    made = make(tmp_path_factory.mktemp(request.param))
    assert len(made) >= least, sorted(made)
    return made


def test_nothing_is_used_that_outlook_or_gmail_does_not_show(mails: Mails):
    assert {name: problems for name, html in mails.items() if (problems := lint(html))} == {}


def test_what_is_not_shown_is_found():
    wrong = """<!doctype html>
    <style>.a:hover { position: absolute } @supports (display: grid) { b { gap: 1px } }</style>
    <div style="display:flex; box-shadow: 1px 1px; margin-left: calc(1px + 2vw); border-top-left-radius: 2px">
    <video src="x.mp4"></video><img src="data:image/png;base64,AA" srcset="x"><p hidden>&nbsp;</p>
    <script></script></div>"""

    said = " ".join(lint(wrong))

    for feature in (
        "css-position", "css-at-supports", "css-gap", "css-display-flex", "css-box-shadow", "css-unit-calc",
        "css-unit-vw", "html-video", "image-base64", "html-srcset", "html-hidden", "css-pseudo-class-hover", "<script>",
    ):  # fmt: skip
        assert f"{feature} " in said


def test_what_may_stand_in_a_style_sheet_may_not_stand_in_an_attribute():
    assert lint("<style>@media (max-width: 600px) { .a > b { color: red } }</style>") == []
    assert lint('<p style="color-scheme: dark">x</p>') != []


def test_a_mail_that_gmail_would_cut_is_found():
    assert "may be cut by Gmail" in lint(f"<p>{'x' * 100_000}</p>")[0]


def test_what_is_allowed_is_not_shown_everywhere_and_has_a_reason():
    for feature, reason in {**ALLOWED, **ALLOWED_IN_STYLE}.items():
        assert len(reason) > 10
        assert feature in SUPPORT


def test_the_table_is_caniemails(shared_data: Path):
    source = json.loads((shared_data / "html_email" / "caniemail_matrix_latest.json").read_text("utf-8"))
    clients = ("outlook.windows", "gmail.desktop-webmail", "gmail.android", "gmail.ios")

    theirs = {one["slug"]: " ".join((one[client] or "u")[0] for client in clients) for one in source}

    assert {feature: theirs[feature] for feature in SUPPORT} == SUPPORT


def test_features_are_known_by_their_place():
    assert ("css-padding", "style=", "padding: 1px") in set(features('<p style="padding-left: 1px">'))
