"""Who may post events: Event Grid by a token of our tenant, whoever knows the secret, on this machine anybody."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from estates import TENANT
from eventing import (
    AUDIENCE,
    BEFORE,
    EVENT_GRID,
    OURS,
    SECRET,
    THEIRS,
    Posting,
    event,
    issuer,
    posting,
    settings,
    token,
)
from pydantic import ValidationError

from finops.config.events import EventSettings
from finops.config.secrets import from_file, live
from finops.daemon.senders import Senders, issuers_of, keys_of
from finops.errors import ConfigError


@pytest.fixture(scope="module")
def keys() -> Iterator[tuple[str, list[str]]]:
    with issuer() as found:
        yield found


@pytest.fixture
def hook(tmp_path: Path, keys: tuple[str, list[str]]) -> Iterator[Posting]:
    """One that believes tokens, and no secret."""
    with posting(tmp_path, settings(tenant_id=TENANT, audience=[AUDIENCE], jwks_url=keys[0])) as found:
        yield found


def bearer(given: str) -> dict[str, Any]:
    return {"Authorization": f"Bearer {given}".encode("latin-1")}


# -- tokens


@pytest.mark.parametrize(
    "given",
    [
        token(),
        token(iss=f"https://login.microsoftonline.com/{TENANT}/v2.0", appid=None, azp=EVENT_GRID),
        token(appid=EVENT_GRID.upper()),
        token(aud=["api://another", AUDIENCE]),
    ],
    ids=["version 1", "version 2", "in capitals", "several audiences"],
)
def test_event_grid_comes_in_by_its_token(hook: Posting, given: str):
    assert hook.post(event("e1"), headers=bearer(given)).status_code == 200
    assert hook.waiting() == ["e1"]


STRANGE = {
    "expired": token(exp=datetime.now(UTC) - timedelta(minutes=5)),
    "without an end": token(exp=None),
    "not yet": token(nbf=datetime.now(UTC) + timedelta(days=1)),
    "another tenant": token(iss="https://sts.windows.net/33333333-3333-3333-3333-333333333333/"),
    "no issuer": token(iss=None),
    "another audience": token(aud="api://another"),
    "the start of the audience": token(aud=AUDIENCE[:-1]),
    "no audience": token(aud=None),
    "another key": token(key=THEIRS),
    "a key nobody has": token(kid="two"),
    "a password": token(key="x" * 40, algorithm="HS256"),
    "alg none": token(key=None, algorithm="none"),
    "changed": token()[:-6] + "AAAAAA",
    "one letter": "x",
    "no token": "a.b.c",
    "not even text": "\xff",
    "too long": "a" * 20_000,
    "too deep": f"{base64.urlsafe_b64encode(b'[' * 9000).decode()}.e30.AAAA",
}


@pytest.mark.parametrize("given", STRANGE.values(), ids=STRANGE.keys())
def test_any_other_token_lets_nobody_in(hook: Posting, given: str):
    answer = hook.post(event(), headers=bearer(given))

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert (hook.waiting(), hook.heard) == ([], [])


def test_a_public_key_used_as_a_password_lets_nobody_in(hook: Posting):
    # https://www.rfc-editor.org/rfc/rfc8725#section-2.1
    import hashlib
    import hmac

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    secret = OURS.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"one"}').rstrip(b"=")
    signed = head + b"." + token().split(".")[1].encode()
    mark = base64.urlsafe_b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).rstrip(b"=")

    assert hook.post(event(), headers=bearer((signed + b"." + mark).decode())).status_code == 401


@pytest.mark.parametrize(
    "app", [{"appid": "another"}, {"appid": None}, {"appid": ["x"]}, {"appid": "", "azp": EVENT_GRID}]
)
def test_another_application_of_our_tenant_may_not_post(hook: Posting, app: dict[str, Any]):
    assert hook.post(event(), headers=bearer(token(**app))).status_code == 403
    assert hook.waiting() == []


def test_without_a_token_nobody_comes_in(hook: Posting):
    assert hook.post(event(), headers={}).status_code == 401


def test_two_tokens_let_nobody_in(hook: Posting):
    import httpx

    both = [("Authorization", f"Bearer {token()}")] * 2
    answer = httpx.post(hook.url, content=b"[]", headers=[("Content-Type", "application/json"), *both], trust_env=False)

    assert answer.status_code == 401


def test_a_stranger_is_refused_before_the_body_is_read(hook: Posting):
    assert hook.send(b" " * (2 * 1024 * 1024), headers={}).status_code == 401


def test_strangers_with_made_up_keys_do_not_make_us_ask_the_issuer_each_time(
    hook: Posting, keys: tuple[str, list[str]]
):
    hook.post(event(), headers=bearer(token()))
    before = len(keys[1])

    for number in range(20):
        hook.post(event(), headers=bearer(token(kid=f"made up {number}")))

    assert len(keys[1]) - before <= 1


def test_while_the_keys_cannot_be_had_event_grid_is_asked_to_come_again(tmp_path: Path):
    given = settings(tenant_id=TENANT, audience=[AUDIENCE], jwks_url="http://127.0.0.1:9/keys")
    with posting(tmp_path, given) as hook:
        answers = [hook.post(event(), headers=bearer(token())).status_code for _ in range(3)]

    assert answers == [503, 503, 503]


def test_cloud_events_are_agreed_to_without_a_token_but_not_with_a_bad_one(hook: Posting):
    assert "webhook-allowed-origin" in hook.options().headers
    assert "webhook-allowed-origin" in hook.options({"Authorization": f"Bearer {token()}"}).headers
    assert "webhook-allowed-origin" not in hook.options({"Authorization": f"Bearer {token(key=THEIRS)}"}).headers


def test_the_issuers_and_keys_are_entras_of_each_cloud():
    events = EventSettings(tenant_id=TENANT, audience=[AUDIENCE])

    assert keys_of(events, "public") == f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"
    assert issuers_of(events, "china") == [
        f"https://sts.chinacloudapi.cn/{TENANT}/", f"https://login.partner.microsoftonline.cn/{TENANT}/v2.0"
    ]  # fmt: skip


# -- secrets


@pytest.mark.parametrize("secret", [SECRET, BEFORE])
@pytest.mark.parametrize("query", [True, False])
def test_whoever_knows_one_of_the_two_secrets_comes_in(tmp_path: Path, secret: str, query: bool):
    with posting(tmp_path) as hook:
        headers = {} if query else {"X-Finops-Events-Key": secret}
        answer = hook.post(event(), headers=headers, query=f"?key={secret}" if query else "")

    assert answer.status_code == 200


@pytest.mark.parametrize("secret", ["", SECRET[:-1], SECRET + "s", SECRET.upper(), "x" * 2000, "\xff"])
@pytest.mark.parametrize("query", [True, False])
def test_anybody_else_does_not(tmp_path: Path, secret: str, query: bool):
    with posting(tmp_path) as hook:
        headers: dict[str, Any] = {} if query else {"X-Finops-Events-Key": secret.encode("latin-1")}
        answer = hook.post(event(), headers=headers, query=f"?key={secret}" if query else "")

        assert answer.status_code == 401
        assert (hook.waiting(), hook.heard) == ([], [])


def test_a_secret_that_is_given_twice_is_not_believed(tmp_path: Path):
    with posting(tmp_path) as hook:
        assert hook.post(event(), query=f"?key={SECRET}").status_code == 401


def test_a_secret_that_is_replaced_counts_at_once_and_an_empty_one_lets_nobody_in(tmp_path: Path):
    file = tmp_path / "secret"
    file.write_text(BEFORE, "utf-8")
    given = settings()
    secret = live(from_file(file, "daemon.events.secret"), "daemon.events.secret", lambda: given.azure, None)
    events = given.daemon.events.model_copy(update={"secret": secret})
    given = given.model_copy(update={"daemon": given.daemon.model_copy(update={"events": events})})
    with posting(tmp_path, given) as hook:
        assert hook.post(event()).status_code == 401
        file.write_text(SECRET, "utf-8")
        assert hook.post(event()).status_code == 200
        file.write_text("", "utf-8")
        assert hook.post(event(), headers={"X-Finops-Events-Key": ""}).status_code == 401


def test_where_both_are_set_either_does(tmp_path: Path, keys: tuple[str, list[str]]):
    given = settings(tenant_id=TENANT, audience=[AUDIENCE], jwks_url=keys[0], secret=SECRET)
    with posting(tmp_path, given) as hook:
        assert hook.post(event(), headers=bearer(token())).status_code == 200
        assert hook.post(event(), headers={"X-Finops-Events-Key": SECRET}).status_code == 200
        assert hook.post(event(), headers={}).status_code == 401


def test_with_a_secret_alone_cloud_events_are_agreed_to_only_where_it_is_in_the_address(tmp_path: Path):
    with posting(tmp_path) as hook:
        assert "webhook-allowed-origin" not in hook.options().headers
        assert "webhook-allowed-origin" in hook.options(query=f"?key={SECRET}").headers


def test_neither_answer_nor_log_repeats_a_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level("DEBUG")
    with posting(tmp_path) as hook:
        answers = [hook.post(event(), query=f"?key={SECRET}"), hook.send(b"x"), hook.post(event())]

    # httpx, which posts here, logs the address that it asks.
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("http")]
    assert not [one for one in [*ours, *(answer.text for answer in answers)] if SECRET in one]


# -- nobody


def test_without_a_token_or_secret_it_does_not_listen_to_the_network():
    with pytest.raises(ConfigError, match="nothing says who may post"):
        Senders(settings(listen="0.0.0.0:9465"))


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:0", "localhost:0"])
def test_on_this_machine_it_does(listen: str):
    Senders(settings(listen=listen))


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"Host": "finops.contoso.com"},
        {"Host": "finops.contoso.com:99999"},
        {"Host": "["},
    ],
)
def test_but_nobody_from_elsewhere_through_a_proxy_comes_in(tmp_path: Path, headers: dict[str, str]):
    with posting(tmp_path, settings()) as hook:
        assert hook.post(event(), headers={}).status_code == 200
        assert hook.post(event(), headers=headers).status_code == 403


# -- settings


WRONG = [
    {"listen": "9465"}, {"listen": "127.0.0.1:99999"}, {"listen": "http://x:1"}, {"listen": "a b:1"},
    {"url": "http://finops.contoso.com/events"}, {"url": "https://u:p@x/"}, {"url": "https://x/?key=y"},
    {"secret": "short"}, {"secret_before": BEFORE}, {"audience": [AUDIENCE]},
    {"tenant_id": "common", "audience": [AUDIENCE]}, {"jwks_url": "http://x/keys"}, {"senders": []},
    {"quiet_seconds": 5, "longest_seconds": 3},
]  # fmt: skip


@pytest.mark.parametrize("given", WRONG, ids=str)
def test_settings_that_cannot_be_meant_are_refused(given: dict[str, Any]):
    with pytest.raises(ValidationError):
        EventSettings.model_validate(given)


def test_a_secret_is_never_printed():
    assert SECRET not in repr(EventSettings.model_validate({"secret": SECRET}))
