"""Whatever is sent to what answers over HTTP: no fault, no secret, no change without a sign-in and a seal of our own.

schemathesis makes the requests from `web_described`; real servers over a real state answer them. The larger form, with
FINOPS_WEB_EXAMPLES=200 requests made up for each address, looks at what a sweep of a simulated estate left as well, and
everybody asks everything.
"""

from __future__ import annotations

import html
import json
import logging
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from zlib import crc32

import httpx
import pytest
import schemathesis
import web_described as described
from approvals_page import ANA, EVA, KEY, NOW, RIA, opened, principal, put
from approvals_page import settings as of_page
from eventing import CLUSTER, SECRET, event
from eventing import settings as of_webhook
from hypothesis import HealthCheck, settings
from outside_daemon import DUTIES
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from test_sweeping_sweep import now_of
from test_sweeping_sweep import settings as of_sweep
from test_web_anomalies import put as put_anomaly

from finops.approvals.links import link
from finops.cloud import connect
from finops.config.model import AzureSettings, MailSettings, Settings
from finops.daemon import eventgrid, outside
from finops.daemon.arrivals import Arrivals
from finops.daemon.calls import Calls
from finops.daemon.events import LONGEST_BODY
from finops.daemon.governed import WRITTEN
from finops.daemon.listening import serving
from finops.daemon.pulse import Pulse
from finops.daemon.senders import HEADER
from finops.jobs.sweeping import sweep
from finops.simulator import serving as simulating
from finops.state import State
from finops.web import app, shield
from finops.web.seals import Seals

LARGER = "FINOPS_WEB_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("FINOPS_WEB_EXAMPLES", "10"))
BOUNDED = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO", "get")
INSIDE = ("Traceback", "sqlite", "state.db", "site-packages", "SECRET-OF-THE-ARCHIVE", KEY, SECRET)
SEAL = re.compile(r'name="csrf" value="([^"]+)"')
EASY = "X-MS-CLIENT-PRINCIPAL"
PEOPLE: dict[str, tuple[dict[str, Any] | None, str]] = {  # who is signed in, and whose seal is in the forms
    "nobody": (None, "oid-ana"),
    "somebody without a role": (EVA, "oid-eva"),
    "a reader": (RIA, "oid-ria"),
    "an approver with another's seal": (ANA, "oid-ria"),
    "an approver": (ANA, "oid-ana"),
}


@dataclass(frozen=True)
class World:
    """Where everything is served.

    real: what stands in braces in the description. visitor: the seal of whoever is not signed in
    at the demo. eye: looks at the database.
    """

    urls: Mapping[str, str]
    routes: Mapping[str, set[tuple[str, str]]]
    real: Mapping[str, str]
    visitor: str
    eye: sqlite3.Connection

    def writes(self) -> int:
        """Another number after each transaction that changed the state: https://sqlite.org/pragma.html#pragma_data_version"""
        return int(self.eye.execute("PRAGMA data_version").fetchone()[0])

    def rows(self, table: str) -> int:
        return int(self.eye.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def seal(self, oid: str) -> str:
        return Seals(lambda: [KEY]).form(oid)


def archive(folder: Path) -> None:
    """What the archive of reports may hold, and what it must never show."""
    folder.mkdir()
    for name in ("cost-week-2026-11-21.html", "cost-week-2026-11-21.json", "cost-week-2026-11-21.xlsx"):
        (folder / name).write_text("{}", "utf-8")
    (folder / "secret.txt.bak").write_text("SECRET-OF-THE-ARCHIVE", "utf-8")
    (folder / ".hidden.html").write_text("SECRET-OF-THE-ARCHIVE", "utf-8")


def asked(routes: Any) -> set[tuple[str, str]]:
    """Method and path of each route, as OpenAPI writes them; HEAD goes with GET."""
    return {
        (method, re.sub(r":\w+}", "}", route.path)) for route in routes for method in route.methods or {"GET"}
        if method != "HEAD"
        if route.name != "_posted_only"
    }  # fmt: skip


def swept(stack: ExitStack, estate: Path, folder: Path, state: State) -> datetime:
    """The findings of a simulated estate are in the state; its time comes back."""
    simulator = stack.enter_context(simulating(estate, port=0, clock="frozen"))
    azure = stack.enter_context(connect(AzureSettings(endpoint=simulator.url)))
    now = now_of(simulator.url)
    sweep(azure, of_sweep(folder), state, now)
    return now


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("fuzzed")
    archive(folder / "reports")
    with ExitStack() as stack:
        state = stack.enter_context(opened(folder))
        now = swept(stack, request.getfixturevalue("small_estate"), folder, state) if LARGER else NOW
        rows = [put(state, now=now, name=f"made-{n}", risk="high" if n == 2 else "low") for n in range(3)]
        own = put(state, now=now, name="mine", owner="ria@contoso.example")
        odd = put(state, now=now, name="<b>\u202e[red]=cmd()")

        easy = of_page(page_rows=10).model_copy(update={"mail": MailSettings(outbox=folder / "outbox")})
        page, demo = app(state, easy, lambda: now), app(state, of_page("demo", secret_key=None), lambda: now)
        pulse = Pulse()
        pulse.leads = pulse.ready = True
        # Nothing beats here, however long it takes.
        calm = Settings.model_validate({"daemon": {"heartbeat_seconds": 3600}})
        seen = outside.app(outside.Outside(calm, state, pulse, DUTIES, Calls(), Arrivals(), now=lambda: now))
        hook = eventgrid.Webhook(of_webhook(secret=SECRET), state.daybook, lambda: None, lambda: now)
        posted = eventgrid.app(hook)
        apps = {"page": page, "demo": demo, "daemon": seen, "webhook": posted}
        urls = {
            name: stack.enter_context(serving(one, "127.0.0.1:0", "listen", patience=60)).url
            for name, one in apps.items()
        }
        to = link(easy.web, rows[0].number)
        assert to is not None
        yield World(
            urls=urls,
            visitor=html.unescape(re.findall(SEAL, httpx.get(f"{urls['demo']}/findings", trust_env=False).text)[0]),
            routes={
                "page": asked(page._site.routes),
                "daemon": asked(seen._pages.routes),
                "webhook": asked(hook.routes),
            },
            real={
                "{row}": f"{rows[0].number}:{rows[0].finding.digest}",
                "{high}": f"{rows[2].number}:{rows[2].finding.digest}",
                "{own}": f"{own.number}:{own.finding.digest}",
                "{odd row}": f"{odd.number}:{odd.finding.digest}",
                "{anomaly}": put_anomaly(state).id,
                "{odd anomaly}": put_anomaly(state, "CC-9").id,
                "{link}": to.rpartition("/")[2],
                "{report}": "cost-week-2026-11-21.html",
                "{cluster}": CLUSTER,
                "{topic}": event()["topic"],
                "{written}": WRITTEN,
                "{operation}": event()["data"]["operationName"],
            },
            eye=stack.enter_context(closing(sqlite3.connect(folder / "state.db"))),
        )


CONFIG = SchemathesisConfig.from_dict({
    "seed": 7,
    "generation": {"database": "none", "with-security-parameters": False},
    # What they remember of earlier answers would make each run another.
    "phases": {"fuzzing": {"extra-data-sources": {"responses": False}, "error-feedback": {"enabled": False}}},
    # A filter that cannot be meant is left out, and a form without a seal is refused however well it is filled in.
    "checks": {"negative_data_rejection": {"enabled": False}, "positive_data_acceptance": {"enabled": False}},
})  # fmt: skip
WEB, DAEMON, WEBHOOK = (
    schemathesis.openapi.from_dict(one, config=CONFIG) for one in (described.WEB, described.DAEMON, described.WEBHOOK)
)


def sent(case: schemathesis.Case, url: str, headers: Mapping[str, str]) -> Response:
    """Send it, and hold the answer against what is described; whoever asks, it tells nothing of the inside."""
    answer = case.call(base_url=url, headers=dict(headers), allow_redirects=False)
    case.validate_response(answer)
    told = answer.text + repr(answer.headers)
    assert [word for word in INSIDE if word in told] == []
    return answer


@pytest.fixture(autouse=True)
def nothing_broke(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No fault behind an answer, either: the servers log theirs."""
    yield
    faults = [one.getMessage() for one in caplog.get_records("call") if one.levelno >= logging.ERROR]
    assert [fault for fault in faults if "ASGI" in fault or "Traceback" in fault] == []


def one_in(many: int, case: schemathesis.Case) -> int:
    """A number below `many`, by what is asked: the same in each run."""
    return crc32(repr((case.path_parameters, case.query, case.body)).encode("utf-8", "replace")) % many


def askers(case: schemathesis.Case) -> list[str]:
    """Who asks: an approver, before whom one of the others did; in the larger form all of them."""
    others = [who for who in PEOPLE if who != "an approver"]
    return [*(others if LARGER else [others[one_in(len(others), case)]]), "an approver"]


@WEB.parametrize()
@BOUNDED
def test_the_page(case: schemathesis.Case, world: World):
    made = case.path_parameters, case.query, case.body
    for who in askers(case):
        person, oid = PEOPLE[who]
        real = {**world.real, "{csrf}": world.seal(oid)}
        case.path_parameters, case.query, case.body = (described.filled(part, real) for part in made)
        before = world.writes()

        with told(f"Asked by {who}."):
            sent(case, world.urls["page"], {EASY: principal(person)} if person else {})
            assert world.writes() == before or (case.method == "POST" and who == "an approver")


@contextmanager
def told(note: str) -> Iterator[None]:
    """Say it beside whatever is raised."""
    try:
        yield
    except BaseException as fault:
        fault.add_note(note)
        raise


@WEB.include(path_regex="^/sign-").parametrize()
@BOUNDED
def test_the_demo(case: schemathesis.Case, world: World):
    """A visitor who is not signed in yet, and sends the forms of the page that asks who it is."""
    case.body = described.filled(case.body, {**world.real, "{csrf}": world.visitor})
    before = world.writes()

    sent(case, world.urls["demo"], {})

    assert world.writes() == before


@DAEMON.parametrize()
@BOUNDED
def test_the_daemons_addresses(case: schemathesis.Case, world: World):
    before = world.writes()

    sent(case, world.urls["daemon"], {})

    assert world.writes() == before


@WEBHOOK.parametrize()
@BOUNDED
def test_the_webhook(case: schemathesis.Case, world: World):
    """Of strangers nothing is kept; of whoever knows the secret nothing but events that are the guard's."""
    case.body = described.filled(case.body, world.real)
    before, kept = world.writes(), world.rows("events_seen")
    knows = one_in(4, case) != 0

    answer = sent(case, world.urls["webhook"], {HEADER: SECRET} if knows else {})

    assert world.writes() == before or (knows and world.rows("events_seen") > kept)
    if not knows:
        assert answer.status_code != 200 or case.method == "OPTIONS"
        assert "webhook-allowed-origin" not in answer.headers


# -- what is sure in any case


def ask(url: str, method: str, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, Mapping[str, str]]:
    """Status and headers, in lower case, of one request as it stands here: no client puts anything right."""
    parts = urlsplit(url)
    with closing(HTTPConnection(str(parts.hostname), parts.port, timeout=60)) as line:
        line.request(method, parts.path or "/", body or None, dict(headers))
        answer = line.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def operations(description: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, found in description["paths"].items() for method in found}


DESCRIBED = {"page": described.WEB, "daemon": described.DAEMON, "webhook": described.WEBHOOK}


@pytest.mark.parametrize("server", DESCRIBED)
def test_every_address_that_is_answered_is_described_and_no_other(world: World, server: str):
    assert operations(DESCRIBED[server]) == world.routes[server]


@pytest.mark.parametrize("server", DESCRIBED)
def test_methods_that_are_not_described_are_none(world: World, server: str):
    signed = {EASY: principal(ANA), HEADER: SECRET}
    known = operations(DESCRIBED[server])
    known |= {("HEAD", path) for method, path in known if method == "GET"}
    before = world.writes()

    for path in DESCRIBED[server]["paths"]:
        for method in {*METHODS} - {method for method, known_path in known if known_path == path}:
            status, headers = ask(world.urls[server] + path.replace("{", "").replace("}", ""), method, signed)
            assert (status, bool(headers.get("allow"))) == (405, True), (method, path)

    assert world.writes() == before


@pytest.mark.parametrize(
    ("path", "chunked"),
    [("/decide", False), ("/decide", True), ("/anomalies/say", False), ("/anomalies/say", True), ("/sign-in", False),
     ("/sign-in", True), ("/sign-out", False)],  # the last reads no body
)  # fmt: skip
def test_a_form_that_is_too_long_is_refused_from_everybody(world: World, path: str, chunked: bool):
    fields = {"csrf": world.seal("oid-ana"), "action": "approve", "row": world.real["{row}"], "reason": "x"}
    long = urlencode({**fields, "note": "x" * shield.LONGEST_BODY}).encode()
    kind = {"Content-Type": described.FORM, EASY: principal(ANA)}
    before = world.writes()

    answer = httpx.post(
        world.urls["page"] + path, content=iter([long]) if chunked else long, headers=kind, trust_env=False
    )

    assert answer.status_code == 413
    assert {name: answer.headers[name] for name in described.OF_PAGE} == described.OF_PAGE
    assert world.writes() == before


@pytest.mark.parametrize("path", described.LOOKS)
def test_the_daemon_reads_no_body(world: World, path: str):
    assert ask(world.urls["daemon"] + path, "GET", {}, b"x")[0] == 413


def test_the_webhook_reads_no_more_than_event_grid_sends(world: World):
    signed = {HEADER: SECRET, "Content-Type": "application/json"}

    assert ask(world.urls["webhook"], "POST", signed, b" " * (LONGEST_BODY + 1))[0] == 413


@pytest.mark.parametrize("path", ["/decide", "/anomalies/say"])
def test_the_forms_as_described_are_taken_so_that_a_change_would_be_seen(world: World, path: str):
    form = described.WEB["paths"][path]["post"]["requestBody"]["content"][described.FORM]["example"]
    who, taken = {EASY: principal(ANA)}, []
    for seal in ("forged", world.seal("oid-ria"), world.seal("oid-ana")):
        before = world.writes()
        fresh = {"{row}": world.real["{odd row}"], "{anomaly}": world.real["{odd anomaly}"], "{csrf}": seal}
        filled = described.filled(form, {**world.real, **fresh})
        answer = httpx.post(world.urls["page"] + path, data=filled, headers=who, trust_env=False)
        taken.append((answer.status_code < 400, world.writes() != before))

    assert taken == [(False, False), (False, False), (True, True)]


@pytest.mark.parametrize("kind", described.BODIES)
def test_events_as_described_are_taken_from_whoever_knows_the_secret_only(world: World, kind: str):
    content = described.WEBHOOK["paths"]["/"]["post"]["requestBody"]["content"][kind]
    body = json.dumps(described.filled(content["example"], {**world.real, "{id}": kind}))
    taken = []
    for key in ("", "s" * 39, SECRET):
        before = world.rows("events_seen")
        answer = httpx.post(
            world.urls["webhook"], content=body, headers={"Content-Type": kind, HEADER: key}, trust_env=False
        )
        taken.append((answer.status_code, world.rows("events_seen") - before))

    assert taken == [(401, 0), (401, 0), (200, 1)]
