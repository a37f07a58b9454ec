"""What holds for every request to the approvals page: what is refused, and what every answer carries."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from approvals_page import ANA, BO, KEY, RIA, URL, Browser, opened, put, settings, text
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from finops.approvals.links import link, place
from finops.state import State

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


# -- nothing acts on GET ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"])
def test_a_decision_is_taken_by_post_only(state: State, method: str):
    record = put(state)
    browser = Browser(state)
    fields = {"csrf": browser.csrf(), "action": "approve", "row": f"{record.number}:{record.finding.digest}"}

    answer = browser.ask(method, "/decide", params=fields)

    assert answer.status_code == 405
    assert state.findings.get(record.number).status == "pending"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(state: State, method: str):
    record = put(state)
    before = state.audit_head()
    browser = Browser(state)

    for path in (
        "/",
        "/findings",
        "/findings?pick=low",
        f"/findings/{record.number}",
        "/decide",
        "/m/x",
        "/favicon.ico",
    ):
        browser.ask(method, path, headers={"Sec-Purpose": "prefetch", "Purpose": "prefetch"})

    assert state.audit_head() == before


def test_head_answers_without_a_body(state: State):
    answer = Browser(state).ask("HEAD", "/findings")

    assert (answer.status_code, answer.content) == (200, b"")


# -- forms of others ----------------------------------------------------------------------------------------------


def form(browser: Browser, record: Any, **other: Any) -> dict[str, Any]:
    return {"csrf": browser.csrf(), "action": "approve", "row": f"{record.number}:{record.finding.digest}", **other}


def test_a_form_without_its_token_is_refused(state: State):
    record = put(state)
    browser = Browser(state)

    answers = [browser.post("/decide", form(browser, record, csrf=token)) for token in ("", "x", "a.b.c", "\u00e9")]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert state.findings.get(record.number).status == "pending"


def test_a_form_with_the_token_of_somebody_else_is_refused(state: State):
    record = put(state)

    answer = Browser(state, ANA).post("/decide", form(Browser(state, BO), record))

    assert answer.status_code == 403
    assert state.findings.get(record.number).status == "pending"


def signed(value: object, salt: str, hours: float = 0) -> str:
    """What our key signed some hours ago."""

    class Then(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(time.time() - hours * 3600)

    return str(URLSafeTimedSerializer(KEY, salt=salt, signer=Then).dumps(value))


@pytest.mark.parametrize(("hours", "status"), [(7.9, 200), (8.1, 403)])
def test_a_token_is_good_for_a_working_day(state: State, hours: float, status: int):
    record = put(state)
    browser = Browser(state)
    token = signed("oid-ana", "finops.web.form", hours)

    assert browser.post("/decide", form(browser, record, csrf=token)).status_code == status


def test_a_token_made_for_another_purpose_is_refused(state: State):
    record = put(state)
    browser = Browser(state)
    cookie = signed("oid-ana", "finops.web.demo")

    assert browser.post("/decide", form(browser, record, csrf=cookie)).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "anything"])
def test_what_another_site_makes_the_browser_send_is_refused(state: State, site: str):
    record = put(state)
    browser = Browser(state)

    answer = browser.post("/decide", form(browser, record), headers={"Sec-Fetch-Site": site})

    assert answer.status_code == 403
    assert state.findings.get(record.number).status == "pending"


def test_a_form_that_names_another_origin_is_refused(state: State):
    record = put(state)
    browser = Browser(state)

    for origin in ("https://evil.example", f"{URL}0", "https://127.0.0.1"):
        answer = browser.post("/decide", form(browser, record), headers={"Origin": origin})
        assert answer.status_code == 403

    assert state.findings.get(record.number).status == "pending"


@pytest.mark.parametrize("origin", ["http://[", "http://[x]", "//", "http://127.0.0.1:x"])
def test_an_origin_that_is_none_is_that_of_somebody_else(state: State, origin: str):
    record = put(state)
    browser = Browser(state)

    answer = browser.post("/decide", form(browser, record), headers={"Origin": origin.encode()})

    assert answer.status_code == 403
    assert state.findings.get(record.number).status == "pending"


def test_a_browser_that_says_nothing_of_sites_is_held_to_the_token(state: State):
    record = put(state)
    browser = Browser(state)

    answer = browser.ask("POST", "/decide", data=form(browser, record))

    assert (answer.status_code, state.findings.get(record.number).status) == (200, "approved")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("text/plain", b"action=approve"),
        ("", b"action=approve"),
    ],
)
def test_only_a_plain_form_is_read(state: State, kind: str, body: bytes):
    answer = Browser(state).ask("POST", "/decide", content=body, headers={"Content-Type": kind})

    assert answer.status_code == 415


@pytest.mark.parametrize("body", [b"csrf=%ff%fe", b"&" * 600 + b"a=b", b"a=1&" * 600, b"\xff\xfe", b"csrf=a&csrf=b"])
def test_a_form_that_cannot_be_read_is_refused(state: State, body: bytes):
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    assert Browser(state).ask("POST", "/decide", content=body, headers=kind).status_code == 400


# -- sizes --------------------------------------------------------------------------------------------------------


def test_a_huge_form_is_refused(state: State):
    browser = Browser(state)

    answer = browser.post("/decide", {"csrf": browser.csrf(), "reason": "x" * 300_000})

    assert answer.status_code == 413


def test_a_huge_form_that_hides_its_length_is_refused(state: State):
    browser = Browser(state)

    async def endless() -> Any:
        for _ in range(40):
            yield b"x" * 10_000

    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    assert browser.ask("POST", "/decide", content=endless(), headers=kind).status_code == 413


@pytest.mark.parametrize("length", ["-1", "x", "\u0663", "9" * 40])
def test_a_form_of_no_sensible_length_is_refused(state: State, length: str):
    assert raw(state, [(b"content-length", length.encode())]) in {400, 413}


def raw(state: State, headers: list[tuple[bytes, bytes]], path: str = "/findings") -> int:
    """The status of a request that no client would send."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    given = [(b"host", b"127.0.0.1"), *headers] if not any(n == b"host" for n, _ in headers) else headers
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "http",
        "headers": given, "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 8090), "root_path": "",
        "http_version": "1.1", "asgi": {"version": "3.0"},
    }  # fmt: skip
    anyio.run(Browser(state).site, scope, receive, send)
    return int(sent[0]["status"])


# -- hosts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "", "localhost.", "user@127.0.0.1", "[", "127.0.0.1/x", "127.0.0.1 "],
)
def test_the_page_answers_to_its_own_name_only(state: State, host: str):
    assert raw(state, [(b"host", host.encode())]) == 400


@pytest.mark.parametrize("host", ["LocalHost:8090", "[::1]:8090", "127.0.0.1"])
def test_on_this_machine_the_page_answers_to_the_machines_own_names(state: State, host: str):
    assert raw(state, [(b"host", host.encode())]) == 401


def test_two_names_at_once_are_refused(state: State):
    assert raw(state, [(b"host", b"127.0.0.1"), (b"host", b"evil.example")]) == 400


def test_the_page_answers_to_its_public_name(state: State):
    browser = Browser(state, given=settings(public_url="https://finops.contoso.com", host="0.0.0.0"))

    assert browser.get("/findings", headers={"Host": "FinOps.contoso.com"}).status_code == 200
    assert browser.get("/findings").status_code == 400


def test_a_redirect_never_names_a_host(state: State):
    assert Browser(state).get("/", headers={"Host": "localhost:1"}).headers["location"] == "/findings"


# -- what every answer carries ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        (ANA, "/findings", 200),
        (ANA, "/findings/1", 200),
        (ANA, "/findings/99", 404),
        (ANA, "/nothing", 404),
        (ANA, "/findings/1/", 404),
        (ANA, "/", 303),
        (ANA, "/decide", 405),
        (ANA, "/static/page.css", 200),
        (ANA, "/static/page.js", 200),
        (ANA, "/static/../site.py", 404),
        (ANA, "/favicon.ico", 200),
        (ANA, "/m/forged", 404),
        (None, "/findings", 401),
    ],
)
def test_every_answer_carries_the_headers(state: State, who: Any, path: str, status: int):
    put(state)

    answer = Browser(state, who).get(path)

    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in answer.headers


def test_behind_https_browsers_are_told_to_stay_there(state: State):
    browser = Browser(state, given=settings(public_url="https://finops.contoso.com"))

    assert "max-age=31536000" in browser.get("/findings").headers["strict-transport-security"]


def test_a_fault_of_the_page_says_nothing_of_it_and_carries_the_headers(state: State):
    browser = Browser(state)
    put(state)
    state.close()
    (broken := Path(str(state.where))).unlink()
    broken.mkdir()

    answer = browser.get("/findings")

    assert answer.status_code == 503
    assert answer.headers["content-security-policy"] == POLICY
    assert "Traceback" not in answer.text


def test_no_page_holds_a_style_or_a_script_of_its_own(state: State):
    record = put(state)
    browser = Browser(state)

    for path in ("/findings", f"/findings/{record.number}", "/nothing"):
        page = browser.get(path).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=\"/static/page.js\" defer></script>)", page)
        assert not re.search(r"(src|href|action)=\"(?!/|#)", page)


# -- links of mails -----------------------------------------------------------------------------------------------


def test_a_link_leads_to_the_page_and_says_nothing(state: State):
    record = put(state)
    at = link(settings().web, record.number)
    assert at is not None

    answer = Browser(state, None).get(at.removeprefix(URL))

    assert (answer.status_code, answer.headers["location"]) == (303, f"/findings/{record.number}")
    assert "chat" not in at


@pytest.mark.parametrize(("to", "path"), [("mine", "/findings?owner=me"), ("pending", "/findings")])
def test_links_to_lists(state: State, to: Any, path: str):
    at = link(settings().web, to)
    assert at is not None

    assert Browser(state, RIA).get(at.removeprefix(URL)).headers["location"] == path


@pytest.mark.parametrize("made", ["Bx", "MQ.aaaa.bbbb", "%00", "x" * 5000])
def test_a_link_that_was_tampered_with_leads_nowhere(state: State, made: str):
    answer = Browser(state, None).get(f"/m/{made}")

    assert answer.status_code == 404


def test_a_link_signed_for_something_else_leads_nowhere(state: State):
    for value, salt in (("https://evil.example", "finops.web.link"), (-1, "finops.web.link"), (True, "finops.web.link"),
                        ({"a": 1}, "finops.web.link"), (1, "finops.web.form")):  # fmt: skip
        assert Browser(state, None).get(f"/m/{signed(value, salt)}").status_code == 404


@pytest.mark.parametrize(("days", "to"), [(6.9, 7), (7.1, None)])
def test_a_link_is_good_for_seven_days(days: float, to: int | None):
    assert place([KEY], signed(7, "finops.web.link", days * 24)) == to


def test_without_a_page_there_is_no_link():
    assert link(settings("none").web, 1) is None


def test_without_a_key_the_link_is_the_pages_own_address():
    assert link(settings("demo", secret_key=None).web, 1) == "http://127.0.0.1:8090/findings/1"


# -- faults are told ----------------------------------------------------------------------------------------------


def test_a_page_that_is_not_there_says_so(state: State):
    assert "There is no finding 99." in text(Browser(state).get("/findings/99"))


@pytest.mark.parametrize("number", ["0", "-1", "1e3", "99999999999999999999", "x", "1%00", "\u0661", "9" * 5000])
def test_a_number_that_is_none_is_not_found(state: State, number: str):
    assert Browser(state).get(f"/findings/{number}").status_code == 404
