"""The pages of anomalies: who sees them, what they say, and what people may say of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from approvals_page import ANA, EVA, NOW, OLA, RIA, Browser, opened, text
from test_anomalies_mail import NAMES, case

from finops.anomalies import cases as anomalies
from finops.anomalies.cases import Case, kept_as
from finops.state import State

OWNER = "ola@contoso.example"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


def put(memory: State, name: str = "CC-4300", **change: Any) -> Case:
    one = case(name)
    found = replace(
        one,
        anomaly=replace(one.anomaly, **{"owner": OWNER, **change}),
        actor="priya@contoso.example",
        stop="Set the fewest nodes of gpu from 4 to 0.",
        command="az ml compute update -n gpu --min-instances 0 -g rg -w mlw",
    )
    key, value = kept_as(found)
    memory.keep(key, value, found.anomaly.found_at)
    return found


def said(browser: Browser, found: Case, action: str = "explain", **fields: str) -> Any:
    token = browser.csrf(f"/anomalies/{found.id}")
    return browser.post("/anomalies/say", {"csrf": token, "id": found.id, "action": action, "reason": "x", **fields})


def now(state: State) -> Case:
    [found] = anomalies.cases(state)
    return found


def test_the_page_says_what_it_cost_what_a_day_more_costs_and_how_it_is_stopped(state: State):
    found = put(state)

    page = text(Browser(state, RIA).get(f"/anomalies/{found.id}"))

    assert "$1,505.09 more than expected: CC-4300" in page
    assert "It goes on: about $301.02 a day more." in page
    assert "Changed by priya@contoso.example Belongs to ola@contoso.example" in page
    assert "Set the fewest nodes of gpu from 4 to 0. az ml compute update -n gpu" in page


def test_the_list_leads_to_the_page(state: State):
    found = put(state)

    page = Browser(state, RIA).get("/anomalies")

    assert f'href="/anomalies/{found.id}"' in page.text
    assert "1 open anomaly" in text(page)


def test_explained_ones_are_listed_and_not_called_open(state: State):
    put(state)
    put(state, "CC-4400", state="explained")

    assert "1 open anomaly and 1 explained or planned" in text(Browser(state).get("/anomalies"))


def test_closed_ones_are_listed_on_request(state: State):
    put(state, state="resolved")

    assert "0 open anomalies" in text(Browser(state).get("/anomalies"))
    assert "CC-4300" in text(Browser(state).get("/anomalies?all=1"))


@pytest.mark.parametrize(("who", "status"), [(None, 401), (EVA, 403)])
@pytest.mark.parametrize("path", ["/anomalies", "/anomalies/A1234567"])
def test_nobody_without_a_role_sees_anything(state: State, who: dict[str, Any] | None, status: int, path: str):
    assert Browser(state, who).get(path).status_code == status


@pytest.mark.parametrize(
    ("action", "after"), [("explain", "explained"), ("resolve", "resolved"), ("no-anomaly", "resolved")]
)
@pytest.mark.parametrize("who", [ANA, OLA])
def test_approvers_and_the_owner_say_what_it_was(state: State, who: dict[str, Any], action: str, after: str):
    found = put(state)

    answer = said(Browser(state, who), found, action, reason="load test")

    assert (answer.status_code, answer.headers["location"]) == (303, f"/anomalies/{found.id}")
    assert now(state).anomaly.state == after
    assert "load test" in now(state).anomaly.why
    assert now(state).who == f"{who['name']} ({who['oid']})"


def test_what_is_no_anomaly_raises_the_bar(state: State):
    said(Browser(state), put(state), "no-anomaly")

    assert len(anomalies.raised(state, "USD")) == 10


def test_other_readers_look_and_say_nothing(state: State):
    found, own, browser = put(state), put(state, "hers", owner="ria@contoso.example"), Browser(state, RIA)
    assert "/anomalies/say" not in browser.get(f"/anomalies/{found.id}").text

    form = {"csrf": browser.csrf(f"/anomalies/{own.id}"), "id": found.id, "action": "resolve", "reason": "x"}
    answer = browser.post("/anomalies/say", form)

    assert (answer.status_code, "approvers and the owner say" in answer.text) == (403, True)
    assert all(case.is_open for case in anomalies.cases(state))


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"reason": "  "}, 422), ({"action": "delete"}, 422), ({"id": "A0000000"}, 404), ({"csrf": "forged"}, 403)],
)
def test_what_cannot_be_taken_changes_nothing(state: State, fields: dict[str, str], status: int):
    found = put(state)

    assert said(Browser(state), found, **fields).status_code == status
    assert now(state).anomaly.state == "open"


def test_a_case_that_was_closed_meanwhile_stays_as_it_was(state: State):
    found, browser = put(state), Browser(state)
    token = browser.csrf(f"/anomalies/{found.id}")
    anomalies.resolve(state, found.id, "done", "ann", NOW)

    answer = browser.post("/anomalies/say", {"csrf": token, "id": found.id, "action": "explain", "reason": "x"})

    assert answer.status_code == 409
    assert now(state).anomaly.why == "done"


def test_a_form_of_another_site_is_refused(state: State):
    found = put(state)
    browser = Browser(state)
    form = {"csrf": browser.csrf(f"/anomalies/{found.id}"), "id": found.id, "action": "resolve", "reason": "x"}

    answer = browser.post("/anomalies/say", form, headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 403
    assert now(state).anomaly.state == "open"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_text_and_nothing_else(state: State, name: str):
    found, browser = put(state, name), Browser(state)

    pages = browser.get(f"/anomalies/{found.id}").text + browser.get("/anomalies").text

    assert "<script>alert" not in pages
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in pages


def test_an_unknown_one_is_not_found(state: State):
    assert Browser(state).get("/anomalies/A0000000").status_code == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_the_address_of_the_form_is_no_anomaly(state: State, method: str):
    answer = Browser(state).ask(method, "/anomalies/say")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
