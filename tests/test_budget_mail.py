"""The mails of budgets and of the watch, read as finance reads them: every kind of them, on every screen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from browsing import axe, chromium
from budgeting import GPU, NOW, charge, days
from mail_linter import lint
from test_budget_check import ESCALATING
from test_budget_check import Site as Budgets
from test_budget_rate import running
from test_budget_watch import Site as Watching

PEOPLE = "{all: {amount: 1000, thresholds: [50, 100, {forecast: 100}], escalate: {to: boss@x.example}}}"


def over(folder: Path) -> Budgets:
    site = Budgets(folder, PEOPLE)
    site.rows = [*days("2026-08-01", "2026-11-19", "40"), *days("2026-11-10", "2026-11-19", "60", ResourceId=GPU)]
    site.check()
    return site


def likely(folder: Path) -> Budgets:
    site = Budgets(folder, PEOPLE)
    site.rows = days("2026-08-01", "2026-11-19", "40")
    site.check()
    return site


def part_spent(folder: Path) -> Budgets:
    site = Budgets(folder, "{all: {amount: 1000, thresholds: [50]}}").spend("550")
    site.check()
    return site


def incomplete(folder: Path) -> Budgets:
    site = Budgets(folder, "{all: {amount: 1000, thresholds: [50]}}")
    site.rows = [*days("2026-11-01", "2026-11-09", "70"), *days("2026-11-13", "2026-11-19", "1")]
    site.check()
    return site


def escalated(folder: Path) -> Budgets:
    site = Budgets(folder, ESCALATING).spend("850")
    site.check()
    site.check(NOW + timedelta(days=2))
    return site


def corrected(folder: Path) -> Budgets:
    site = Budgets(folder, "{all: {amount: 1000, thresholds: [50, 80]}}").spend("850")
    site.check()
    site.spend("-600").check(NOW + timedelta(hours=1))
    return site


def closed(folder: Path) -> Budgets:
    site = Budgets(folder, "{all: 1000}").spend("1200")
    site.check()
    site.rows += days("2026-11-20", "2026-12-10", "1")
    site.check(datetime(2026, 12, 8, 12, tzinfo=UTC))
    return site


def several(folder: Path) -> Budgets:
    text = ", ".join(f"b{n}: {{scope: all, amount: {100 + n}}}" for n in range(12))
    site = Budgets(folder, f"{{{text}}}").spend("900", Tags='{"CostCenter": "<b>x"}')
    site.check()
    return site


def left_on(folder: Path) -> Watching:
    site = Watching(folder)
    site.look(running(per_hour="14.69", command="az ml compute update -n gpu --min-instances 0 -g rg -w ws"),
              running("dark", None), unread=("/subscriptions/x",))  # fmt: skip
    return site


def ended(folder: Path) -> Watching:
    site = Watching(folder)
    site.look(running(), minutes=120)
    site.look()
    site.look()
    return site


KINDS = {
    one.__name__: one
    for one in (over, likely, part_spent, incomplete, escalated, corrected, closed, several, left_on, ended)
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EmailMessage]:
    """The last mail of each kind of trouble."""
    from budgeting import mails

    found = {}
    for name, make in KINDS.items():
        folder = make(tmp_path_factory.mktemp(name)).folder
        found[name] = sorted(mails(folder / "outbox"), key=lambda one: str(one["Date"]))[-1]
        if name == "escalated":
            found[name] = next(one for one in mails(folder / "outbox") if str(one["To"]) == "boss@x.example")
        if name == "corrected":
            found[name] = next(one for one in mails(folder / "outbox") if "Corrected" in str(one["Subject"]))
        if name == "closed":
            found[name] = next(one for one in mails(folder / "outbox") if "closed" in str(one["Subject"]))
    return found


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("over", "$360 over budget (100% spent): everything, $1,360 of $1,000 for November 2026"),
        ("part_spent", "$450 left (50% spent reached): everything, $1,000 for November 2026"),
        ("escalated", "Not acknowledged: $150 left (80% spent reached): everything, $1,000 for November 2026"),
        ("corrected", "Corrected: $750 left (50% spent not reached): everything, $1,000 for November 2026"),
        ("closed", "$211 over budget: everything, November 2026 is closed"),
        ("left_on", "$1,631 by Tue 29 Dec: gpu left on at $14.69 an hour"),
        ("ended", "Ended: gpu, about $20 since it was told"),
    ],
)
def test_the_subject_says_how_much_before_what(told: dict[str, EmailMessage], kind: str, subject: str):
    assert str(told[kind]["Subject"]).strip() == subject


def test_a_budget_that_is_likely_to_be_exceeded_says_by_how_much_first(told: dict[str, EmailMessage]):
    assert re.fullmatch(
        r"\$200 over budget likely \(50% spent, 100% forecast\): everything, \$1,000 for November 2026",
        str(told["likely"]["Subject"]).strip(),
    )


def test_it_says_what_drove_it_and_by_how_much(told: dict[str, EmailMessage]):
    assert "+$540" in part(told["over"], "plain")
    assert "1 to 18 Oct 2026" in part(told["over"], "plain")


def test_what_is_missing_is_said_before_any_other_detail(told: dict[str, EmailMessage]):
    text = " ".join(part(told["incomplete"], "plain").split())

    assert "at least $636" in text
    assert text.index("The real cost may be higher") < text.index("What drove it")


def test_the_second_address_learns_who_was_told_when(told: dict[str, EmailMessage]):
    text = " ".join(part(told["escalated"], "plain").split())

    assert "Nobody has acknowledged it since 20 Nov 2026 12:00 UTC, when finance@x.example was told" in text


def test_a_correction_says_what_was_told_and_when(told: dict[str, EmailMessage]):
    said = "50% spent, 80% spent, as was told on 20 Nov 2026 12:00 UTC"

    assert f"{said}, is not reached any more." in " ".join(part(told["corrected"], "plain").split())
    assert part(told["corrected"], "html").count(said) == 2  # beside the subject, and in the mail


@pytest.mark.parametrize("kind", KINDS)
def test_text_and_html_hold_the_same_amounts(told: dict[str, EmailMessage], kind: str):
    def amounts(text: str) -> set[str]:
        plain = re.sub(r"<style.*?</style>|<title.*?</title>|<[^>]+>", " ", text, flags=re.S)
        return set(re.findall(r"[+\N{MINUS SIGN}]?\u2060?\$[\d,.]*\d", plain))

    preheader = re.sub(r'<div class="preheader".*?</div>', "", part(told[kind], "html"), flags=re.S)
    html, text = amounts(preheader), amounts(part(told[kind], "plain"))

    assert html - text == set()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_used_that_outlook_or_gmail_does_not_show(told: dict[str, EmailMessage], kind: str):
    assert lint(part(told[kind], "html")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_fits_seventy_two_columns_but_for_commands(told: dict[str, EmailMessage], kind: str):
    long = [line for line in part(told[kind], "plain").splitlines() if len(line) > 72 and "az ml" not in line]

    assert long == []


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as one:
        yield one


@pytest.mark.parametrize("kind", KINDS)
def test_no_screen_scrolls_sideways_with_or_without_styles(told: dict[str, EmailMessage], browser: Any, kind: str):
    html = part(told[kind], "html")
    bare = re.sub(r"<style.*?</style>", "", html, flags=re.S)
    page = browser.new_page()
    found = {}
    for width in (320, 375, 600):
        page.set_viewport_size({"width": width, "height": 800})
        for styled, content in (("styled", html), ("bare", bare)):
            page.set_content(content)
            found[width, styled] = page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()

    assert {place: ok for place, ok in found.items() if not ok} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["over", "several", "incomplete", "corrected", "left_on", "ended"])
def test_axe_finds_nothing_wrong(told: dict[str, EmailMessage], browser: Any, kind: str, scheme: str):
    page = browser.new_page(color_scheme=scheme)
    page.set_content(part(told[kind], "html"))

    found = axe(page)

    page.close()
    assert found == []


def test_a_charge_without_a_resource_is_named_as_such(tmp_path: Path):
    site = Budgets(tmp_path, "{all: 100}")
    site.rows = [*days("2026-11-01", "2026-11-18", "1"), charge("2026-11-02", "400", ResourceId="", ResourceName="")]

    site.check()

    assert "charges without a resource" in part(site.mails()[0], "plain")


def test_what_we_did_about_a_driver_is_said_beside_it(tmp_path: Path):
    site = Budgets(tmp_path, PEOPLE)
    site.rows = [*days("2026-08-01", "2026-11-19", "40"), *days("2026-11-10", "2026-11-18", "60", ResourceId=GPU)]
    with site.state() as state, state.turn():
        when = datetime(2026, 11, 18, 12, tzinfo=UTC)
        number = state.open_intent(
            when, generation=None, evidence={"seen": {"minNodeCount": 4}, "wanted": {"minNodeCount": 0}},
            afterwards=None, run="r", resource_id=GPU, workspace="w", api_version="v", action="scale",
            rule="guard/scale", why="idle", who="finops", decision="enforce", saving="90",
        )  # fmt: skip
        state.close_intent(number, "done", "read back", when, "finops", {})
    site.check()

    mail = site.mails()[0]
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        assert "on 18 Nov by the spot guard." in " ".join(part.get_content().split())
