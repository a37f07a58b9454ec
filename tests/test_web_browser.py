"""The approvals page in a real Chromium: decided with and without JavaScript, by keyboard, on a phone, in the dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from approvals_page import NOW, evidence, of_tiers, opened, put, settings
from browsing import axe, chromium, serving
from test_web_anomalies import put as put_anomaly

from finops.state import State
from finops.web import app

Open = Callable[..., Any]
WIDTHS = {375: 667, 768: 1024, 1180: 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


@pytest.fixture
def url(state: State) -> Iterator[str]:
    with serving(app(state, settings("demo"), lambda: NOW)) as found:
        yield found


@pytest.fixture
def visit(browser: Any, url: str) -> Iterator[Open]:
    """Opens a page of the site as a person, in a browser of their own. Whatever its console says fails the test."""
    contexts, said = [], []

    def opened_by(
        who: str | None = "Ana Approver",
        path: str = "/findings",
        width: int = 1180,
        js: bool = True,
        dark: bool = False,
    ) -> Any:
        context = browser.new_context(
            java_script_enabled=js,
            viewport={"width": width, "height": WIDTHS[width]},
            color_scheme="dark" if dark else "light",
            has_touch=width < 500,
        )
        contexts.append(context)
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.goto(url + path)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda fault: said.append(str(fault)))
        if who:
            page.get_by_role("button", name=f"Sign in as {who}").click()
        return page

    yield opened_by
    for context in contexts:
        context.close()
    assert [text for text in said if "status of 4" not in text] == []


def box(page: Any, name: str) -> Any:
    return page.get_by_role("checkbox", name=f"Select {name},")


BOTH = pytest.mark.parametrize("js", [True, False], ids=["with-javascript", "without"])


# -- deciding -----------------------------------------------------------------------------------------------------


@BOTH
def test_one_is_approved(visit: Open, state: State, js: bool):
    record = put(state)
    page = visit(js=js)

    page.get_by_role("link", name="Delete online endpoint chat").click()
    page.get_by_role("button", name="Approve: delete it").click()

    assert page.get_by_role("heading", name="Approved").is_visible()
    assert state.findings.get(record.number).status == "approved"


@BOTH
def test_one_is_denied_for_a_reason_that_the_browser_asks_for(visit: Open, state: State, js: bool):
    record = put(state)
    page = visit(path=f"/findings/{record.number}", js=js)

    page.get_by_role("button", name="Deny").click()
    without = state.findings.get(record.number).status
    page.locator("#deny-reason").fill("Exam week")
    page.get_by_role("button", name="Deny").click()
    page.get_by_role("heading", name="Denied").wait_for()

    assert (without, state.findings.get(record.number).status) == ("pending", "denied")


@BOTH
def test_one_is_snoozed_until_a_day(visit: Open, state: State, js: bool):
    record = put(state)
    page = visit(path=f"/findings/{record.number}", js=js)

    page.get_by_label("Leave it alone until").fill("2026-12-24")
    page.locator("#snooze-reason").fill("Exam week")
    page.get_by_role("button", name="Snooze").click()
    page.get_by_role("heading", name="Snoozed").wait_for()

    found = state.findings.get(record.number)
    assert found.snoozed_until is not None
    assert (found.status, found.snoozed_until.date().isoformat()) == ("snoozed", "2026-12-24")


@BOTH
def test_several_are_approved_at_once_and_none_of_high_risk(visit: Open, state: State, js: bool):
    low = [put(state, name=f"low-{n}") for n in range(8)]
    high = put(state, name="high", risk="high")
    page = visit(js=js)

    page.get_by_role("link", name="Select the 8 low-risk findings").click()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="Approved: 8 of 8").wait_for()

    assert {state.findings.get(one.number).status for one in low} == {"approved"}
    assert state.findings.get(high.number).votes == ()


@BOTH
def test_a_bulk_without_a_reason_keeps_what_was_selected(visit: Open, state: State, js: bool):
    records = [put(state, name=f"ep-{n}") for n in range(3)]
    page = visit(js=js)

    box(page, "ep-0").check()
    box(page, "ep-2").check()
    page.get_by_role("button", name="Deny").click()
    said = page.get_by_role("alert").inner_text()
    page.get_by_label("Reason").fill("Exam week")
    page.get_by_role("button", name="Deny").click()
    page.get_by_role("heading", name="Denied: 2 of 2").wait_for()

    assert "Give a reason" in said
    assert [state.findings.get(one.number).status for one in records] == ["denied", "pending", "denied"]


@BOTH
def test_two_people_approve_what_is_of_high_risk(visit: Open, state: State, js: bool):
    record = put(state, risk="high")

    for who in ("Ana Approver", "Ben Approver"):
        page = visit(who, f"/findings/{record.number}", js=js)
        page.get_by_role("button", name="Approve: delete it").click()
        page.get_by_role("heading", name="Approved").wait_for()

    assert state.findings.get(record.number).status == "approved"


@BOTH
def test_a_row_that_changed_meanwhile_is_refused_and_decided_anew(visit: Open, state: State, js: bool):
    from dataclasses import replace

    record = put(state)
    page = visit(js=js)
    with state.findings.changing() as change:
        change.touch(change.get(record.number), replace(record.finding, digest="d2" * 32))

    box(page, "chat").check()
    page.get_by_role("button", name="Approve").click()
    said = page.locator(".refused").inner_text()
    box(page, "chat").check()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="Approved").wait_for()

    assert "It is not what you saw any more" in said
    assert state.findings.get(record.number).votes[0].digest == "d2" * 32


@BOTH
def test_the_bulk_bar_is_out_of_the_way_until_something_is_selected(visit: Open, state: State, js: bool):
    put(state)
    page = visit(js=js, width=375)
    bar = page.locator(".bulk")

    bar.wait_for(state="hidden")
    box(page, "chat").check()
    bar.wait_for(state="visible")
    box(page, "chat").uncheck()
    bar.wait_for(state="hidden")

    assert not bar.is_visible()


def test_what_is_selected_is_counted_and_added_up(visit: Open, state: State):
    put(state, name="a", saving=Decimal("1000.25"))
    put(state, name="b", saving=Decimal("200.50"))
    put(state, name="c", saving=None, monthly_cost=None)
    page = visit()

    box(page, "a").check()
    box(page, "b").check()
    two = page.get_by_role("status").inner_text()
    box(page, "c").check()

    assert two == "2 selected: $1,200.75 a month"
    assert page.get_by_role("status").inner_text() == "3 selected: $1,200.75 and 1 of unknown cost a month"


def test_a_reader_has_nothing_to_decide_with(visit: Open, state: State):
    record = put(state)
    page = visit("Rita Reader", f"/findings/{record.number}")

    assert page.get_by_role("button", name="Approve").count() == 0
    assert page.get_by_role("heading", name="Delete online endpoint chat").is_visible()


# -- by keyboard and to a screen reader ----------------------------------------------------------------------------


def test_everything_is_done_by_keyboard(visit: Open, state: State):
    record = put(state)
    page = visit()

    def tab_to(name: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            label = "e => e.labels && e.labels[0] ? e.labels[0].innerText : e.innerText"
            if name in (page.evaluate(f"({label})(document.activeElement)") or ""):
                return
        raise AssertionError(f"{name} is not reached by Tab")

    page.wait_for_load_state("load")
    page.bring_to_front()
    page.keyboard.press("Tab")
    page.wait_for_function("document.activeElement.innerText === 'Skip to the content'")
    tab_to("Select chat")
    page.keyboard.press("Space")
    tab_to("Reason")
    page.keyboard.type("Exam week")
    page.keyboard.press("Enter")
    after_enter = state.findings.get(record.number).status
    tab_to("Deny")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Denied").wait_for()

    assert after_enter == "pending"  # Enter in a field decides nothing
    assert state.findings.get(record.number).status == "denied"


@BOTH
def test_enter_in_a_field_of_the_list_decides_nothing(visit: Open, state: State, js: bool):
    record = put(state)
    page = visit(js=js)
    box(page, "chat").check()

    page.get_by_label("Reason").press("Enter")
    page.wait_for_timeout(200)

    assert "/findings" in page.url
    assert state.findings.get(record.number).status == "pending"


@pytest.mark.parametrize("width", WIDTHS)
def test_a_screen_reader_meets_a_table_with_names_for_all(visit: Open, state: State, width: int):
    put(state)
    page = visit(width=width)

    table = page.get_by_role("table", name="Findings 1 to 1 of 1, by amount")

    assert table.get_by_role("row").count() == 2
    assert table.get_by_role("columnheader").count() == 6
    assert table.get_by_role("cell", name="$790.40").is_visible()
    assert box(page, "chat").is_visible()


def everything(state: State) -> list[str]:
    """Findings of every kind, and the pages that show them."""
    put(state)
    put(state, name="high", risk="high", dependents=("A schedule calls it.",), evidence=evidence(risks=["production"]))
    put(state, name="n" * 250, owner="o" * 200 + "@contoso.example", why="w" * 300, evidence=evidence(usage=None))
    put(state, name="<img src=x onerror=alert(1)>", owner="", monthly_cost=None, saving=None, status="asked")
    put(state, name="\u05e9\u05dc\u05d5\u05dd \u202egpj", status="snoozed")
    put(state, **of_tiers())
    return ["/findings", "/findings?status=all&owner=x", "/findings?pick=low&rule=x", "/findings?pick=low", *(
        f"/findings/{n}" for n in range(1, 7)), "/findings/99"]  # fmt: skip


@pytest.mark.parametrize(("width", "dark"), [(375, False), (1180, True)], ids=["phone-light", "desk-dark"])
def test_axe_finds_nothing_wrong(visit: Open, state: State, width: int, dark: bool):
    paths = everything(state)
    page = visit(None, width=width, dark=dark)

    problems = axe(page)
    page.get_by_role("button", name="Sign in as Ana").click()
    for path in paths:
        page.goto(page.url.split("/findings")[0] + path)
        for summary in page.locator("summary").all():
            summary.click()
        problems += [f"{path}: {problem}" for problem in axe(page)]
    page.goto(page.url.split("/findings")[0] + "/findings?pick=low")
    page.get_by_role("button", name="Deny").click()
    problems += axe(page)
    page.get_by_role("button", name="Approve").click()
    problems += axe(page)

    assert problems == []


@pytest.mark.parametrize(("width", "dark"), [(375, False), (1180, True)], ids=["phone-light", "desk-dark"])
def test_axe_finds_nothing_wrong_with_anomalies(visit: Open, state: State, width: int, dark: bool):
    found = put_anomaly(state, "c" * 250, why="w" * 300)

    assert [axe(visit(path=to, width=width, dark=dark)) for to in ("/anomalies", f"/anomalies/{found.id}")] == [[], []]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_scrolls_sideways(visit: Open, state: State, width: int):
    paths = everything(state)
    page = visit(width=width)
    base = page.url.split("/findings")[0]

    wide = {}
    for path in paths:
        page.goto(base + path)
        for summary in page.locator("summary").all():
            summary.click()
        wide[path] = page.evaluate("document.documentElement.scrollWidth")

    assert {path: found for path, found in wide.items() if found > width} == {}


def test_on_a_phone_the_bar_leaves_most_of_the_screen(visit: Open, state: State):
    for n in range(20):
        put(state, name=f"ep-{n}")
    page = visit(width=375)

    box(page, "ep-3").check()

    assert page.locator(".bulk").bounding_box()["height"] < 0.33 * WIDTHS[375]


# -- attacks ------------------------------------------------------------------------------------------------------


def test_markup_in_names_is_text_and_runs_nothing(visit: Open, state: State):
    paths = everything(state)
    page = visit()
    base = page.url.split("/findings")[0]
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))

    for path in paths:
        page.goto(base + path)

    assert page.locator("img").count() == 0


def test_scripts_cannot_read_the_cookie(visit: Open):
    assert visit().evaluate("document.cookie") == ""


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"], ids=["same-site", "cross-site"])
def test_another_sites_form_decides_nothing(browser: Any, visit: Open, state: State, url: str, name: str):
    """Even with the person's own token, which no other site can know."""
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse
    from starlette.routing import Route

    record = put(state)
    page = visit()
    token = page.locator(".pick-form input[name=csrf]").get_attribute("value")
    fields = {"csrf": token, "from": "list", "action": "approve", "row": f"{record.number}:{record.finding.digest}"}
    inputs = "".join(f'<input name="{key}" value="{value}">' for key, value in fields.items())

    async def lure(request: Any) -> HTMLResponse:
        return HTMLResponse(f'<form method="post" action="{url}/decide">{inputs}<button>Win</button></form>')

    async def framed(request: Any) -> HTMLResponse:
        return HTMLResponse(f'<iframe src="{url}/findings"></iframe>')

    with serving(Starlette(routes=[Route("/", lure), Route("/frame", framed)])) as other:
        page = page.context.new_page()
        page.goto(other.replace("127.0.0.1", name))
        page.get_by_role("button", name="Win").click()
        page.wait_for_load_state()
        said = page.inner_text("body")
        page.goto(other.replace("127.0.0.1", name) + "/frame")
        page.wait_for_timeout(300)
        shown = page.frames[1].evaluate("document.body ? document.body.innerText : ''")

    assert "This form was not sent by this page." in said
    assert state.findings.get(record.number).status == "pending"
    assert "aml-finops" not in shown
