"""Who comes in to the approvals page: by Easy Auth, by a proxy's token, by the demo's list, and nobody else."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from approvals_page import ANA, EVA, KEY, RIA, TENANT, Browser, claims, opened, principal, put, settings, text
from cryptography.hazmat.primitives.asymmetric import rsa

from finops.config.model import Settings, WebSettings
from finops.errors import ConfigError
from finops.state import State
from finops.web import app
from finops.web.seals import Seals


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


PAGES = ["/findings", "/findings/1", "/findings/999"]

# -- Easy Auth ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_without_signing_in(state: State, path: str):
    put(state, name="secret-endpoint")

    answer = Browser(state, who=None).get(path)

    assert answer.status_code == 401
    assert "secret-endpoint" not in answer.text
    assert "/.auth/login/aad?post_login_redirect_uri=%2Ffindings" in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_nobody_sees_a_page_without_a_role(state: State, path: str):
    put(state, name="secret-endpoint")

    answer = Browser(state, EVA).get(path)

    assert answer.status_code == 403
    assert "secret-endpoint" not in answer.text
    assert "FinOps.Reader" in answer.text


def test_a_reader_sees_the_findings_and_no_form_to_decide_with(state: State):
    record = put(state)
    browser = Browser(state, RIA)

    seen = browser.get("/findings").text + browser.get(f"/findings/{record.number}").text

    assert "ws-vision" in seen
    assert 'action="/decide"' not in browser.get(f"/findings/{record.number}").text
    assert "checkbox" not in seen


@pytest.mark.parametrize("who", [RIA, EVA, None])
@pytest.mark.parametrize("action", ["approve", "deny", "snooze", "exempt"])
def test_only_approvers_decide(state: State, who: dict[str, Any] | None, action: str):
    record = put(state)
    token = Seals(lambda: [KEY]).form(who["oid"] if who else "")
    form = {"csrf": token, "row": f"{record.number}:{record.finding.digest}", "reason": "x", "until": "2026-12-01"}

    answer = Browser(state, who).post("/decide", {**form, "action": action})

    assert answer.status_code == (401 if who is None else 403)
    assert "role" in answer.text or who is None
    assert state.findings.get(record.number).status == "pending"


def test_the_header_of_easy_auth_is_believed_only_where_the_settings_say_so(state: State):
    assert Browser(state, ANA, settings("demo")).get("/findings").status_code == 401


def test_somebody_of_another_tenant_may_not_come_in(state: State):
    browser = Browser(state, ANA)
    browser.headers = {"X-MS-CLIENT-PRINCIPAL": principal({**ANA, "tid": "another"})}

    assert browser.get("/findings").status_code == 403


def of(body: object) -> str:
    return base64.b64encode(json.dumps(body).encode()).decode()


def said(**values: Any) -> str:
    return of({"claims": [{"typ": name, "val": value} for name, value in values.items()]})


UNREADABLE = [
    "", "!!!", "a" * 70_000, base64.b64encode(b"[" * 5000).decode(), of({}), of([]), of({"claims": 3}),
    of({"claims": [{}]}), of({"claims": [[]]}),
    said(roles="FinOps.Approver"),
    said(oid=7, tid=TENANT, roles="FinOps.Approver"),
    said(oid=" ", tid=TENANT, roles="FinOps.Approver"),
    said(oid="x", tid=TENANT, roles=["FinOps.Approver"]),
    said(oid="x", tid=7, roles="FinOps.Approver"),
]  # fmt: skip


@pytest.mark.parametrize("header", UNREADABLE)
def test_a_sign_in_that_cannot_be_read_lets_nobody_in(state: State, header: str):
    browser = Browser(state, who=None)
    browser.headers = {"X-MS-CLIENT-PRINCIPAL": header}

    assert browser.get("/findings").status_code == 403


def test_two_sign_ins_at_once_let_nobody_in(state: State):
    browser = Browser(state, who=None)
    both = [("X-MS-CLIENT-PRINCIPAL", principal(RIA)), ("X-MS-CLIENT-PRINCIPAL", principal(ANA))]

    assert browser.ask("GET", "/findings", headers=both).status_code == 403


def test_the_role_claim_is_the_one_that_easy_auth_names(state: State):
    body = json.loads(base64.b64decode(principal(claims("ana"))))
    long = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
    body["role_typ"] = long
    body["claims"].append({"typ": long, "val": "FinOps.Approver"})
    browser = Browser(state, who=None)
    browser.headers = {"X-MS-CLIENT-PRINCIPAL": of(body)}

    assert "(approver)" in text(browser.get("/findings"))


def test_an_address_that_a_guest_brings_along_makes_nobody_an_owner(state: State):
    record = put(state, owner="ola@contoso.example")
    guest = {**claims("gus", "FinOps.Reader"), "email": "ola@contoso.example"}

    answer = Browser(state, guest).decide(record, action="keep", at="finding", reason="Mine")

    assert (answer.status_code, state.findings.get(record.number).status) == (409, "pending")


def test_an_old_sign_in_looks_but_does_not_approve(state: State):
    record = put(state)
    old = (datetime.now(UTC) - timedelta(minutes=61)).timestamp()
    browser = Browser(state, {**ANA, "iat": str(int(old))}, settings(fresh_minutes=60))

    answer = browser.decide(record)

    assert answer.status_code == 403
    assert "sign in again" in answer.text
    assert state.findings.get(record.number).status == "pending"
    assert browser.decide(record, action="deny", reason="no").status_code == 200


@pytest.mark.parametrize(("minutes", "status"), [(14, 200), (15, 403)])
def test_unless_it_is_set_otherwise_a_sign_in_is_fresh_for_less_than_15_minutes(
    state: State, minutes: int, status: int
):
    signed = (datetime.now(UTC) - timedelta(minutes=minutes)).timestamp()
    fresh = WebSettings().fresh_minutes

    answer = Browser(state, {**ANA, "iat": str(int(signed))}, settings(fresh_minutes=fresh)).decide(put(state))

    assert (fresh, answer.status_code) == (15, status)


def test_a_sign_in_of_unknown_age_does_not_approve(state: State):
    record = put(state)

    answer = Browser(state, ANA, settings(fresh_minutes=60)).decide(record, at="finding")

    assert (answer.status_code, state.findings.get(record.number).status) == (403, "pending")


def test_a_fresh_sign_in_approves(state: State):
    record = put(state)
    browser = Browser(state, {**ANA, "iat": str(int(datetime.now(UTC).timestamp()))}, settings(fresh_minutes=60))

    assert browser.decide(record).status_code == 200
    assert state.findings.get(record.number).status == "approved"


# -- a proxy's token ----------------------------------------------------------------------------------------------

OURS, THEIRS = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
ISSUER, AUDIENCE = f"https://login.example/{TENANT}/v2.0", "api://finops"


@pytest.fixture
def keys() -> Iterator[str]:
    """Where the issuer's keys are, such as https://login.microsoftonline.com/TENANT/discovery/v2.0/keys."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OURS.public_key()))
    body = json.dumps({"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]}).encode()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *about: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/keys"
    server.shutdown()
    server.server_close()
    thread.join()


def token(key: Any = OURS, algorithm: str = "RS256", kid: str = "one", **other: Any) -> str:
    body = {
        **ANA,
        "tid": TENANT,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": datetime.now(UTC) + timedelta(hours=1),
        **other,
    }
    return jwt.encode({k: v for k, v in body.items() if v is not None}, key, algorithm, headers={"kid": kid})


def with_token(state: State, keys: str, given: str) -> Any:
    browser = Browser(state, None, settings("bearer", jwks_url=keys, issuer=ISSUER, audience=AUDIENCE))
    browser.headers = {"Authorization": given.encode("latin-1")}
    return browser.get("/findings")


def test_a_valid_token_lets_its_person_in(state: State, keys: str):
    answer = with_token(state, keys, f"Bearer {token()}")

    assert answer.status_code == 200
    assert "Ana (approver)" in text(answer)


@pytest.mark.parametrize(
    "given",
    [
        token(exp=datetime.now(UTC) - timedelta(minutes=5)),
        token(exp=None),
        token(nbf=datetime.now(UTC) + timedelta(days=1)),
        token(iss="https://login.example/another/v2.0"),
        token(iss=None),
        token(aud="api://another"),
        token(aud=None),
        token(oid=None),
        token(key=THEIRS),
        token(kid="two"),
        token(key="x" * 40, algorithm="HS256"),
        token(key=None, algorithm="none"),
        token()[:-4] + "AAAA",
        "",
        "a.b.c",
        "\xff",
        "a" * 20_000,
        f"{base64.urlsafe_b64encode(b'[' * 9000).decode()}.e30.AAAA",
        f"{token().split('.')[0]}.{base64.urlsafe_b64encode(b'[' * 9000).decode()}.AAAA",
    ],
)
def test_any_other_token_lets_nobody_in(state: State, keys: str, given: str):
    assert with_token(state, keys, f"Bearer {given}").status_code == 401


def test_a_public_key_used_as_a_password_lets_nobody_in(state: State, keys: str):
    # https://www.rfc-editor.org/rfc/rfc8725#section-2.1
    import hashlib
    import hmac

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    secret = OURS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"one"}').rstrip(b"=")
    signed = head + b"." + token().split(".")[1].encode()
    mark = base64.urlsafe_b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).rstrip(b"=")

    assert with_token(state, keys, f"Bearer {(signed + b'.' + mark).decode()}").status_code == 401


@pytest.mark.parametrize(
    "other", [{"roles": ["Other"]}, {"roles": None}, {"roles": "FinOps.Approver"}, {"tid": "another"}]
)
def test_a_token_without_a_role_or_of_another_tenant_is_refused(state: State, keys: str, other: dict[str, Any]):
    assert with_token(state, keys, f"Bearer {token(**other)}").status_code == 403


def test_nobody_comes_in_while_the_keys_cannot_be_had(state: State):
    answer = with_token(state, "http://127.0.0.1:9/keys", f"Bearer {token()}")

    assert answer.status_code == 503
    assert "Nobody can sign in now" in answer.text


# -- the demo -----------------------------------------------------------------------------------------------------


def sign_in(browser: Browser, who: str = "ana", **other: Any) -> Any:
    page = browser.get("/findings?status=all")
    csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    return browser.post("/sign-in", {"csrf": csrf, "who": who, "next": "/findings/1", **other})


def test_the_demo_lets_one_be_somebody_and_somebody_else(state: State):
    browser = Browser(state, None, settings("demo"))

    went = sign_in(browser)
    signed_in = text(browser.get("/findings"))
    out = browser.post("/sign-out", {})

    assert (went.status_code, went.headers["location"]) == (303, "/findings/1")
    assert "Ana Approver" in signed_in
    assert (out.status_code, browser.get("/findings").status_code) == (303, 401)


def test_the_demos_cookie_is_for_this_page_only(state: State):
    cookie = sign_in(Browser(state, None, settings("demo"))).headers["set-cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_another_site_cannot_sign_one_in_as_somebody(state: State):
    browser = Browser(state, None, settings("demo"))

    answers = [sign_in(browser, csrf=token) for token in ("", "x", Seals(lambda: [KEY]).form("demo-ana"))]
    answers += [browser.post("/sign-in", {"who": "ana"}, headers={"Sec-Fetch-Site": "cross-site"})]

    assert [answer.status_code for answer in answers] == [403] * 4
    assert browser.get("/findings").status_code == 401


def test_the_demo_has_no_people_but_its_own(state: State):
    assert sign_in(Browser(state, None, settings("demo")), who="eva").status_code == 422


@pytest.mark.parametrize("cookie", ["", "ana", "ImFuYSI.aaaa.bbbb", "\x7f"])
def test_a_cookie_that_was_not_signed_here_lets_nobody_in(state: State, cookie: str):
    browser = Browser(state, None, settings("demo"))
    browser.headers = {"Cookie": f"finops-demo={cookie}"}

    assert browser.get("/findings").status_code == 401


def test_the_demo_is_for_this_machine_only(state: State):
    browser = Browser(state, None, settings("demo"))
    sign_in(browser)

    browser.address = "10.0.0.7"

    assert browser.get("/findings").status_code == 403
    assert sign_in(browser).status_code == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "X-Real-IP"])
def test_the_demo_is_not_for_those_who_come_through_a_proxy(state: State, header: str):
    browser = Browser(state, None, settings("demo"))
    sign_in(browser)

    assert browser.get("/findings", headers={header: "10.0.0.7"}).status_code == 403


@pytest.mark.parametrize(
    "to", ["https://evil.example", "//evil.example", "/\\evil.example", "/findings\n", "javascript:x"]
)
def test_signing_in_leads_to_this_page_only(state: State, to: str):
    assert sign_in(Browser(state, None, settings("demo")), next=to).headers["location"] == "/findings"


# -- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("web", "says"),
    [
        ({"auth": "demo", "host": "0.0.0.0"}, "anybody could sign in as anybody"),
        ({"auth": "easyauth", "tenant_id": None}, "people of any tenant"),
        ({"auth": "easyauth", "secret_key": None}, "web.secret_key is missing"),
        ({"auth": "easyauth", "secret_key": "short"}, "could be guessed"),
        ({"auth": "bearer"}, "web.jwks_url, web.issuer, web.audience are missing"),
    ],
)
def test_settings_that_let_anybody_in_are_refused(state: State, web: dict[str, Any], says: str):
    given = Settings(web=WebSettings(**{"tenant_id": TENANT, "secret_key": KEY, **web}))

    with pytest.raises(ConfigError, match=says) as fault:
        app(state, given)

    assert "short" not in str(fault.value)


def test_with_no_way_to_sign_in_nobody_does(state: State):
    assert Browser(state, ANA, settings("none")).get("/findings").status_code == 401
