"""Whatever is sent to the approvals page: it answers without a fault, and decides nothing that was not meant."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from approvals_page import ANA, Browser, opened, put
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finops.state import Record, State

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = st.sampled_from(["csrf", "row", "action", "from", "reason", "until", "back", "next", "who", ""])
ODD = st.sampled_from(
    [
        "approve",
        "list",
        "finding",
        "1:" + "d1" * 32,
        "2:" + "d1" * 32,
        "2026-12-24",
        "<b>",
        "=cmd()",
        "\0",
        "%00",
        "[red]",
    ]
)
VALUES = st.one_of(ODD, st.text(max_size=60))
FILTERS = st.sampled_from(["q", "status", "order", "rule", "risk", "owner", "workspace", "page", "pick", "x"])


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    with opened(tmp_path_factory.mktemp("fuzz")) as found:
        yield found


@pytest.fixture(scope="module")
def record(state: State) -> Record:
    return put(state, risk="high", name="<b>\u202e[red]=cmd()")


@pytest.fixture(scope="module")
def browser(state: State, record: Record) -> Browser:
    return Browser(state, ANA)


@QUICK
@given(query=st.lists(st.tuples(FILTERS, VALUES), max_size=6))
def test_any_query_gets_a_page(browser: Browser, query: list[tuple[str, str]]):
    sent = urlencode([(name, value.encode("utf-8", "replace")) for name, value in query])

    assert browser.get(f"/findings?{sent}").status_code == 200


@QUICK
@given(path=st.text(max_size=40), base=st.sampled_from(["/", "/findings/", "/m/", "/static/", "/favicon"]))
def test_any_address_gets_an_answer(browser: Browser, path: str, base: str):
    assert browser.get(base + quote(path.encode("utf-8", "replace"), safe="/")).status_code in {200, 303, 404}


@QUICK
@given(fields=st.lists(st.tuples(NAMES, VALUES), max_size=12), token=st.booleans())
def test_any_form_is_refused_or_asked_about_again(
    browser: Browser, state: State, record: Record, fields: list[tuple[str, str]], token: bool
):
    sent = [(name, value.encode("utf-8", "replace")) for name, value in fields if not (token and name == "csrf")]
    body = urlencode([*sent, *([("csrf", browser.csrf().encode())] if token else [])]).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}

    answer = browser.ask("POST", "/decide", content=body, headers=kind)

    assert answer.status_code in {200, 400, 403, 404, 409, 422}
    assert state.findings.get(record.number).status == "pending"  # high risk: one person never approves it alone
    assert token or answer.status_code in {400, 403}


@QUICK
@given(body=st.binary(max_size=200))
def test_any_bytes_are_refused(browser: Browser, state: State, body: bytes):
    before = state.audit_head()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    assert browser.ask("POST", "/decide", content=body, headers=kind).status_code in {400, 403}
    assert state.audit_head() == before


@QUICK
@given(header=st.binary(max_size=200).filter(lambda value: b"\r" not in value and b"\n" not in value))
def test_any_sign_in_that_we_did_not_make_is_refused(state: State, header: bytes):
    browser = Browser(state, None)
    browser.headers = {"X-MS-CLIENT-PRINCIPAL": header}

    assert browser.get("/findings").status_code in {401, 403}
