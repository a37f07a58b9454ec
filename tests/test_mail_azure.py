"""Mail through Microsoft Graph and Azure Communication Services, against the simulator over HTTP."""

from __future__ import annotations

import base64
import json
import logging
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from typing import Any

import pytest
from estates import write_estate
from mailing import NOW, letter

from finops.cloud.clouds import CLOUDS
from finops.config.mailing import AcsSettings, GraphSettings, MailSettings
from finops.config.model import AzureSettings
from finops.mail import Delivered, Post
from finops.mail.carriers import carriers
from finops.simulator import Served, serving
from finops.state import State

KEY = base64.b64encode(b"canary-of-the-access-key").decode()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(write_estate(tmp_path_factory.mktemp("mail") / "estate"), retry_after=0) as started:
        yield started


@pytest.fixture
def state(tmp_path: Path, served: Served) -> Iterator[State]:
    served.faults.clear()
    ask(served, {})
    with State.open(tmp_path / "state.db") as opened:
        yield opened


def ask(served: Served, told: dict[str, Any] | None = None) -> Any:
    """What the simulator took, or how it is to treat what comes."""
    body = None if told is None else json.dumps(told).encode()
    with urllib.request.urlopen(f"{served.url}/simulator/mail", body) as answer:
        return json.load(answer)


def settings(transport: str, **more: Any) -> MailSettings:
    return MailSettings(
        sender="finops@contoso.com",
        transport=transport,  # type: ignore[arg-type]
        graph=GraphSettings(user="finops@contoso.com"),
        acs=AcsSettings(endpoint="https://finops.europe.communication.azure.com", **more),
    )


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def azure(served: Served) -> AzureSettings:
    return AzureSettings(endpoint=served.url, call_deadline_seconds=30)


def taken(served: Served, about: str) -> list[Any]:
    return [one for one in ask(served)["value"] if one["subject"] == f"About {about}"]


def send(state: State, served: Served, how: MailSettings, about: str, now: datetime = NOW, **more: Any) -> Delivered:
    post = Post(state, how, azure(served))
    post.put(letter(about, **more), now)
    return post.deliver(now)


@pytest.mark.parametrize("transport", ["graph", "acs"])
def test_a_mail_goes_to_all_at_once(state: State, served: Served, transport: str):
    done = send(state, served, settings(transport), f"all-{transport}", to=["ann@example.com", "ben@example.com"])

    [one] = taken(served, f"all-{transport}")
    assert (done.sent, done.problems) == (2, ())
    assert one["to"] == ["ann@example.com", "ben@example.com"]
    assert one["internetMessageId"] == state.letters.get(1).message_id


def test_graph_gets_the_mail_as_it_was_composed(state: State, served: Served):
    send(state, served, settings("graph"), "whole")

    content = base64.b64decode(taken(served, "whole")[0]["content"])
    assert content == letter("whole").as_bytes(policy=SMTP).replace(b"Message-ID:\r\n ", b"Message-ID: ")


def test_acs_gets_pictures_and_attachments(state: State, served: Served):
    message = letter("parts")
    html = list(message.iter_parts())[1]
    html.add_related(b"\x89PNG", "image", "png", cid="<chart@finops>", disposition="inline", filename="chart.png")
    message.make_mixed()
    message.add_attachment(b"PK", "application", "zip", filename="week.xlsx")
    post = Post(state, settings("acs", access_key=KEY), azure(served))
    post.put(message, NOW)
    post.deliver(NOW)

    body = taken(served, "parts")[0]["body"]
    assert [(one["name"], one.get("contentId")) for one in body["attachments"]] == [
        ("chart.png", "chart@finops"),
        ("week.xlsx", None),
    ]
    assert body["content"]["plainText"].strip() == "Text of parts"
    assert body["headers"]["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize("transport", ["graph", "acs"])
@pytest.mark.parametrize("how", ["refused", "fails"])
def test_one_recipient_who_is_not_taken_does_not_stop_the_others(
    state: State, served: Served, transport: str, how: str
):
    if (transport, how) == ("graph", "fails"):
        pytest.skip("Graph tells of bounces by mail, not in its answer")
    ask(served, {how: ["gone@example.com"]})
    about = f"gone-{transport}-{how}"
    done = send(
        state, served, settings(transport), about, to=["ann@example.com", "gone@example.com", "ben@example.com"]
    )

    assert (done.sent, done.failed, done.waiting) == (2, 1, 0)
    assert sorted(who for one in taken(served, about) for who in one["to"]) == ["ann@example.com", "ben@example.com"]


@pytest.mark.parametrize("transport", ["graph", "acs"])
def test_a_throttled_mail_is_sent_when_it_may_be(state: State, served: Served, transport: str):
    served.faults.add({"fault": "429-bare", "path": "sendMail|emails:send", "times": 1})
    done = send(state, served, settings(transport), f"throttled-{transport}")

    assert (done.sent, len(taken(served, f"throttled-{transport}"))) == (1, 1)


@pytest.mark.parametrize("transport", ["graph", "acs"])
@pytest.mark.parametrize("fault", ["reset-after", "500", "truncated-json"])
def test_a_mail_whose_answer_is_lost_is_looked_for_and_not_sent_twice(
    state: State, served: Served, transport: str, fault: str
):
    """Of the three faults only the first comes after the mail was taken."""
    how = settings(transport)
    send(state, served, how, f"first-{transport}-{fault}", later(-60))  # is found again, so that looking is trusted
    Post(state, how, azure(served)).deliver(later(-30))
    served.faults.add({"fault": fault, "path": "sendMail|emails:send", "times": 1})
    about = f"lost-{transport}-{fault}"
    first = send(state, served, how, about, kind="report")
    served.faults.clear()
    for minutes in (5, 11, 13):
        Post(state, how, azure(served)).deliver(later(minutes))

    assert len(taken(served, about)) == 1, first
    assert state.letters.get(2).status == "sent"


def test_an_operation_that_takes_its_time_is_asked_for_again(state: State, served: Served):
    ask(served, {"slow": 8})
    how = settings("acs")
    first = send(state, served, how, "slow")
    second = Post(state, how, azure(served)).deliver(later(1))
    for minutes in range(2, 10):
        Post(state, how, azure(served)).deliver(later(minutes))

    assert (first.sent, first.waiting, second.waiting) == (0, 1, 1)
    assert (state.letters.get(1).status, len(taken(served, "slow"))) == ("sent", 1)


def test_what_is_too_large_for_graph_goes_with_a_link(state: State, served: Served):
    message = letter("large", kind="report")
    message.make_mixed()
    message.add_attachment(b"x" * 4_000_000, "application", "zip", filename="week.xlsx")
    post = Post(state, settings("graph"), azure(served))
    post.put(message, NOW, link="https://finops.contoso.com/reports/week")
    done = post.deliver(NOW)

    content = base64.b64decode(taken(served, "large")[0]["content"])
    assert done.sent == 1
    body = message_from_bytes(content, policy=SMTP).get_body(("html",)).get_content()
    assert "https://finops.contoso.com/reports/week" in body
    assert len(content) < 10_000


@pytest.mark.parametrize(
    ("transport", "status"), [("graph", "403"), ("acs", "403"), ("graph", "404-parent"), ("acs", "404-parent")]
)
def test_what_is_wrong_about_us_is_told_and_tried_again(state: State, served: Served, transport: str, status: str):
    served.faults.add({"fault": status, "path": "sendMail|emails:send"})
    done = send(state, served, settings(transport), f"denied-{transport}-{status}")

    assert done.waiting == 1
    assert any(word in done.problems[0].lower() for word in ("denied", "403", "not be found"))


def test_the_key_stays_secret(state: State, served: Served, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    served.faults.add({"fault": "403", "path": "emails:send"})
    done = send(state, served, settings("acs", access_key=KEY), "key")

    said = "".join(
        [*done.problems, *(one.getMessage() for one in caplog.records), repr(settings("acs", access_key=KEY))]
    )
    assert KEY not in said
    assert "canary" not in said


@pytest.mark.parametrize("transport", ["graph", "acs"])
def test_check_asks_and_sends_nothing(served: Served, transport: str):
    before = len(ask(served)["value"])
    with carriers(settings(transport), azure(served)) as ways:
        found = ways["mail"].check()

    assert "can be read" in found or "answers" in found
    assert len(ask(served)["value"]) == before


@pytest.mark.parametrize(
    ("url", "ours"),
    [
        ("https://finops.europe.communication.azure.com/emails:send", True),
        ("https://finops.communication.azure.com/emails:send", True),
        ("https://communication.azure.com/emails:send", False),
        ("https://a.b.c.communication.azure.com/x", False),
        ("https://communication.azure.com.evil.example/x", False),
        ("https://evilcommunication.azure.com/x", False),
        ("http://finops.communication.azure.com/x", False),
        ("https://finops.communication.azure.com:8443/x", False),
    ],
)
def test_tokens_go_to_resources_of_communication_services_only(url: str, ours: bool):
    assert CLOUDS["public"].allows(url) is ours


def test_microsofts_own_client_is_answered_alike(state: State, served: Served):
    from azure.communication.email import EmailClient
    from azure.core.credentials import AzureKeyCredential

    ask(served, {"slow": 2})
    message = {
        "senderAddress": "finops@contoso.com",
        "recipients": {"to": [{"address": "ann@example.com"}]},
        "content": {"subject": "About clients", "plainText": "Hello"},
    }
    with EmailClient(f"{served.url}/acs", AzureKeyCredential(KEY), polling_interval=0) as client:
        result = client.begin_send(message).result(60)

    assert result["status"] == "Succeeded"
    assert [one["id"] for one in taken(served, "clients")] == [result["id"]]
