"""Who is told of which anomalies: finance, owners, and nobody where nobody is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anomaly_desk import WHO, Desk, at, desk_in
from test_anomalies_mail import NOW, case

from finops.anomalies.cases import Case
from finops.config.model import Settings
from finops.jobs import anomalies
from finops.jobs.anomalies.letters import closing, first_mails

FINANCE = "finance@contoso.example"
LEFT_ON = {70: 400.0, 71: 400.0, 72: 400.0}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_in(tmp_path) as found:
        yield found


def settings(*, finance: str = FINANCE, owners: bool = True) -> Settings:
    mail = {"finance": [finance] if finance else [], "owner_domains": ["contoso.example"]}
    return Settings.model_validate({"mail": mail, "anomalies": {"owners": owners, "minimum": 50}})


def owned(number: int, owner: str = "") -> Case:
    one = case(f"c{number}", f"{2000 - number}")
    return replace(one, anomaly=replace(one.anomaly, owner=owner or f"owner{number}@contoso.example"))


def told(*cases: Case, **wanted: Any) -> dict[str, list[str]]:
    """Who gets a letter of his own about which case."""
    found = first_mails(cases, settings(**wanted), NOW)
    return {one.anomaly.scope.key: [letter["to"] for letter in letters] for one, letters, _ in found}


def test_where_nobody_is_named_no_case_is_told_and_it_is_said():
    found = list(first_mails([owned(n) for n in range(7)], settings(finance="", owners=False), NOW))

    assert [(one.told, letters) for one, letters, _ in found] == [(None, [])] * 7
    assert {problem for _, _, problems in found for problem in problems} == {
        "nobody is told of anomalies: name people under anomalies.to or mail.finance"
    }


def test_the_owner_of_one_beyond_the_largest_gets_a_letter_of_his_own():
    assert told(*(owned(n) for n in range(7)))["c6"] == ["owner6@contoso.example"]


def test_an_owner_of_many_gets_five_letters_and_the_others_as_lines():
    found = list(first_mails([owned(n, "vera@contoso.example") for n in range(8)], settings(), NOW))

    letters = [letter for _, own, _ in found for letter in own if letter["to"] == "vera@contoso.example"]
    assert len(letters) == 5
    assert "c7: it is new" in " ".join(letters[0]["text"].split())


def test_what_was_told_as_a_line_is_closed_by_a_mail_to_the_same_people():
    *_, (last, _, _) = first_mails([owned(n) for n in range(7)], settings(), NOW)

    mails = closing(replace(last, anomaly=replace(last.anomaly, state="resolved", why="done")), settings(), NOW)

    assert {letter["to"] for letter in mails} == {FINANCE, "owner6@contoso.example"}
    assert all(letter["subject"].startswith("Re: $1,994 more than expected: c6") for letter in mails)


@pytest.mark.parametrize("owner", ["@ml-team", "m\N{LATIN SMALL LETTER U WITH DIAERESIS}ller@contoso.example", "a@b@c"])
def test_an_owner_without_an_address_does_not_keep_the_others_from_being_told(owner: str):
    [(one, letters, problems)] = first_mails([owned(1, owner)], settings(), NOW)

    assert [letter["to"] for letter in letters] == [FINANCE]
    assert one.people == (FINANCE,)
    assert problems[0].startswith("not told of c1: ")


def test_a_case_that_nobody_could_be_told_of_is_told_once_somebody_is_named(desk: Desk):
    named = desk.settings
    desk.settings = Settings.model_validate({"mail": {"outbox": named.mail.outbox, "finance": []}})
    done = desk.watch(70, LEFT_ON)
    assert (desk.subjects, len(done.problems)) == ([], 1)

    desk.settings = named
    desk.watch(71, LEFT_ON)

    assert len(desk.subjects) == 1


def test_the_currency_of_a_raised_bar_is_kept(desk: Desk):
    desk.watch(72, LEFT_ON)
    anomalies.false_positive(desk.state, desk.case().id, "the batch", WHO, at(90).date(), at(73))

    assert len(anomalies.raised(desk.state, "USD")) > 0
    assert anomalies.raised(desk.state, "EUR") == ()


def test_an_owner_at_a_domain_of_others_is_not_told_and_that_is_said():
    _, letters, problems = next(first_mails([owned(1, "x@evil.example")], settings(), NOW))

    assert [letter["to"] for letter in letters] == [FINANCE]
    assert any("x@evil.example is not at mail.owner_domains" in one for one in problems)
