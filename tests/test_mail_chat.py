"""Teams and Slack: a notice with the link, whose words call nobody, by an address that nobody gets to see."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mailing import NOW, Certificate, Hook, certificate, letter, webhook
from pydantic import SecretStr

from finops.config.mailing import ChatSettings, MailSettings
from finops.config.reading import gather
from finops.mail import Post
from finops.mail.carriers import carriers
from finops.mail.chat import Chat, escaped, plain
from finops.state import State

LINK = "https://finops.contoso.com/reports/week"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("ca"), "127.0.0.1")


def told_to(name: str, url: str, ours: Certificate | None, folder: Path, **more: Any) -> MailSettings:
    chat = ChatSettings(webhook=url, **more)
    return MailSettings(
        sender="finops@contoso.com", outbox=folder / "outbox", ca_file=ours.chain if ours else None, **{name: chat}
    )


def post(state: State, hook: Hook, name: str, ours: Certificate, folder: Path, **more: Any) -> Post:
    found = Post(state, told_to(name, hook.url, ours, folder))
    found.put(letter(kind="budget-alert", **more), NOW, LINK)
    return found


def test_teams_gets_a_card_with_the_link(state: State, ours: Certificate, tmp_path: Path):
    with webhook(ours) as hook:
        done = post(state, hook, "teams", ours, tmp_path).deliver(NOW)

    [body] = hook.posted
    card = body["attachments"][0]["content"]
    assert done.sent == 2  # the person and the chat
    assert body["attachments"][0]["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert [one["text"] for one in card["body"]] == ["About one", "Text of one"]
    assert card["actions"] == [{"type": "Action.OpenUrl", "title": "Open", "url": LINK}]


def test_slack_gets_blocks_with_the_link(state: State, ours: Certificate, tmp_path: Path):
    with webhook(ours) as hook:
        post(state, hook, "slack", ours, tmp_path).deliver(NOW)

    [body] = hook.posted
    assert body["text"] == "About one"
    assert body["blocks"][2]["elements"][0]["url"] == LINK
    assert {one["text"]["type"] for one in body["blocks"][:2]} == {"plain_text"}


def test_only_the_kinds_that_are_named_are_told(state: State, ours: Certificate, tmp_path: Path):
    with webhook(ours) as hook:
        sending = Post(state, told_to("slack", hook.url, ours, tmp_path, kinds=["budget"]))
        for kind in ("budget", "budget-alert", "budgetary", "owner-notice", "report"):
            sending.put(letter(kind, kind=kind), NOW)
        sending.deliver(NOW)

    assert sorted(one["text"] for one in hook.posted) == ["About budget", "About budget-alert"]


@pytest.mark.parametrize(
    "words", ["<!channel> <@U1>", "<https://evil.example|click>", "&amp; <b>", "@here @channel", "*bold* _x_ `y` ~z~"]
)
def test_words_are_shown_and_call_nobody(state: State, ours: Certificate, tmp_path: Path, words: str):
    for name in ("teams", "slack"):
        with webhook(ours) as hook, State.open(tmp_path / f"{name}.db") as own:
            post(own, hook, name, ours, tmp_path, about=words).deliver(NOW)
            sent = json.dumps(hook.posted, ensure_ascii=False)

        for call in ("<!channel>", "<@U1>", "<https", "@here", "@channel"):
            if name == "slack":
                sent = sent.replace(
                    json.dumps(hook.posted[0]["blocks"], ensure_ascii=False), ""
                )  # plain_text: no markup
            assert call not in sent


def test_escaping_keeps_what_people_read():
    assert escaped("R&D <x> @ann") == "R&amp;D &lt;x&gt; @\u200bann"
    assert plain("a*b <at>x</at>\n[c](d)") == "a\\*b &lt;at\\>x&lt;/at\\>\n\n\\[c\\]\\(d\\)"


@pytest.mark.parametrize(
    ("answer", "becomes"),
    [
        ((404, "no_service", {}), "failed"),
        ((410, "channel_is_archived", {}), "failed"),
        ((400, "invalid_payload", {}), "failed"),
        ((429, "slow down", {"Retry-After": "30"}), "waiting"),
        ((503, "later", {}), "waiting"),
        ((302, "", {"Location": "https://127.0.0.1:1/elsewhere"}), "failed"),
    ],
)
def test_each_refusal_is_told(
    state: State, ours: Certificate, tmp_path: Path, answer: tuple[int, str, Any], becomes: str
):
    with webhook(ours) as hook:
        hook.answers.append(answer)
        done = post(state, hook, "slack", ours, tmp_path).deliver(NOW)

    chat = next(one for one in state.letters.get(1).recipients if one.channel == "slack")
    assert chat.status == becomes
    assert f"slack answered {answer[0]}" in done.problems[0]
    assert done.sent == 1  # the mail itself


def test_a_chat_that_hangs_up_is_told_again_for_a_notice_and_held_for_a_report(
    state: State, ours: Certificate, tmp_path: Path
):
    with webhook(ours) as hook:
        hook.hang_up = True
        sending = post(state, hook, "slack", ours, tmp_path)
        sending.put(letter("week", kind="report"), NOW)
        done = sending.deliver(NOW)
        hook.hang_up = False
        sending.deliver(NOW + timedelta(minutes=5))

    assert done.held == 1
    assert [one["text"] for one in hook.posted].count("About one") == 2
    assert [one["text"] for one in hook.posted].count("About week") == 1


def test_a_chat_that_never_ends_its_refusal_stops_no_other_letter(state: State, ours: Certificate, tmp_path: Path):
    with webhook(ours) as hook:
        hook.answers.append((503, "", {"Content-Length": "300"}))
        hook.stall = 6
        sending = Post(state, told_to("slack", hook.url, ours, tmp_path))
        for about in ("one", "two"):
            sending.put(letter(about, kind="budget-alert"), NOW)
        way = Chat("slack", SecretStr(hook.url), ours.chain, timeout_seconds=3)
        with carriers(told_to("slack", hook.url, ours, tmp_path)) as ways:
            done = sending.deliver(NOW, ways | {"slack": way})

    assert (done.sent, done.waiting) == (3, 1)
    assert "slack answered 503 (slack; tried again)" in done.problems[0]


@pytest.mark.parametrize("fault", ["down", "certificate", "refused"])
def test_the_address_is_in_no_word_of_ours(
    state: State, ours: Certificate, tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    with webhook(ours) as hook:
        hook.answers.append((404, f"no {hook.url}", {}))
        url = hook.url if fault != "down" else "https://127.0.0.1:9/services/secretpart"
        settings = told_to("slack", url, None if fault == "certificate" else ours, tmp_path)
        sending = Post(state, settings)
        sending.put(letter(kind="budget"), NOW)
        done = sending.deliver(NOW)

    said = "".join([*done.problems, repr(settings), *(one.getMessage() for one in caplog.records)])
    assert done.problems
    assert "secretpart" not in said
    for file in tmp_path.glob("state.db*"):
        assert b"secretpart" not in file.read_bytes()


@pytest.mark.parametrize(
    "wrong",
    [
        {"slack": {"webhook": "http://hooks.example/secretpart"}},
        {"transport": "smtp", "smtp": {"password": "secretpart"}, "teams": {"webhook": "https://x.example/secretpart"}},
        {"acs": {"access_key": "secretpart", "endpoint": "http://x.example"}, "nonsense": 1},
    ],
)
def test_settings_that_are_wrong_are_told_without_their_secrets(wrong: dict[str, Any], tmp_path: Path):
    file = tmp_path / "finops.yaml"
    file.write_text(json.dumps({"mail": wrong}))

    problems = gather(file).problems

    assert problems
    assert "secretpart" not in str(problems)


def test_check_reaches_the_host_and_posts_nothing(ours: Certificate, tmp_path: Path):
    with webhook(ours) as hook, carriers(told_to("teams", hook.url, ours, tmp_path)) as ways:
        found = ways["teams"].check()

    assert found == "127.0.0.1 can be reached; nothing was posted"
    assert hook.posted == []
