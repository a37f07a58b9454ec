"""The mails of anomalies: shown by every mail program, whatever the names in them are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from mail_linter import lint

from finops.anomalies import Anomaly, Reach, Scope, id_of
from finops.anomalies.cases import Case
from finops.config.model import Settings
from finops.jobs.anomalies.causes import compared
from finops.jobs.anomalies.letters import closing, first_mails

NOW = datetime(2026, 11, 17, 12, tzinfo=UTC)
SETTINGS = Settings.model_validate({"mail": {"finance": ["finance@contoso.example"]}})
OVERRIDE = "\N{RIGHT-TO-LEFT OVERRIDE}"
NAMES = {
    "plain": "CC-4300",
    "markup": f"<script>alert(1)</script>{OVERRIDE} {{{{ 7*7 }}}}\nBcc: eve@evil.example",
    "long": "a-very-long-name-" * 15,
    "arabic": "الشركة العربية",
}
Json = dict[str, Any]


def case(name: str, impact: str = "1505.09") -> Case:
    scope, amount, usual = Scope("cost centre", name), Decimal(impact), Decimal("210.40")
    found = Anomaly(
        id_of(scope, date(2026, 11, 11)), scope, "step", date(2026, 11, 11), date(2026, 11, 15),
        usual + amount, Reach(usual - 40, usual, usual + 40), amount, Decimal("715.3"), True,
        also=tuple(Scope("meter", f"{name} {n}") for n in range(9)), cause=f"{name}: it is new",
        evidence=(f"Activity log: write by {name}",), found_at=NOW,
    )  # fmt: skip
    return Case(found, "USD", "effective", gaps=(f"jobs: {name}",))


def opening(*cases: Case) -> Json:
    """The first mail of the largest of them."""
    _, [letter], _ = next(first_mails(cases, SETTINGS, NOW))
    return letter


def last(of: Case) -> Json:
    told, _, _ = next(first_mails([of], SETTINGS, NOW))
    [letter] = closing(replace(told, anomaly=replace(told.anomaly, state="resolved", why="done")), SETTINGS, NOW)
    return letter


def led_to_the_page(of: Case) -> Json:
    """The first mail where there is a web app, of what can be stopped."""
    settings = Settings.model_validate(
        {"web": {"auth": "easyauth", "public_url": "https://finops.contoso.example"},
         "mail": {"finance": ["finance@contoso.example"]}}
    )  # fmt: skip
    command = f"az ml compute update -n gpu --min-instances 0 -g {'g' * 90} -w mlw-vision-dev"
    stopped = replace(
        of, stop="Set the fewest nodes of gpu from 4 to 0.", command=command, actor="priya@contoso.example"
    )
    _, [letter], _ = next(first_mails([stopped], settings, NOW))
    return letter


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("make", [opening, last, led_to_the_page])
def test_nothing_is_used_that_outlook_or_gmail_does_not_show(make: Any, name: str):
    assert lint(make(case(name))["html"]) == []


@pytest.mark.parametrize("make", [opening, last])
def test_a_name_is_text_and_nothing_else(make: Any):
    letter = make(case(NAMES["markup"]))

    assert "<script" not in letter["html"]
    assert "{{ 7*7 }}" in letter["text"]
    assert OVERRIDE not in letter["html"] + letter["text"] + letter["subject"]
    assert "\n" not in letter["subject"]


def test_a_long_name_keeps_its_ends_in_the_subject():
    subject = opening(case("vision-" + "x" * 200 + "-prod"))["subject"]

    assert subject.startswith("$1,505 more than expected: vision-x")
    assert "-prod, from 11 Nov" in subject
    assert len(subject) < 100


def test_a_name_from_right_to_left_does_not_turn_the_amounts_beside_it():
    assert (
        f"\N{FIRST STRONG ISOLATE}{NAMES['arabic']}\N{POP DIRECTIONAL ISOLATE}"
        in opening(case(NAMES["arabic"]))["text"]
    )


def test_of_many_the_largest_names_twenty_and_counts_the_rest():
    text = opening(*(case(f"c{n}", f"{2000 - n}") for n in range(40)))["text"]

    assert text.count("it is new") == 21
    assert "and 15 more, see finops anomaly list" in text


def test_it_says_what_a_day_more_costs_and_what_that_comes_to_by_the_end_of_the_month():
    text = " ".join(opening(case("CC-4300"))["text"].split())

    assert "about $301 a day more than expected, $4,515 in all by 30 Nov if it goes on; " in text


def test_what_is_over_costs_nothing_more():
    over = case("CC-4300")
    letter = opening(replace(over, anomaly=replace(over.anomaly, going_on=False)))

    assert "a day more" not in letter["text"]


def test_it_says_how_it_is_stopped_and_who_changed_what_belongs_to_whom():
    found = case("CC-4300")
    found = replace(
        found,
        anomaly=replace(found.anomaly, owner="vera@contoso.example"),
        actor="priya@contoso.example",
        stop="Set the fewest nodes of gpu from 4 to 0.",
        command="az ml compute update -n gpu --min-instances 0 -g rg -w mlw",
    )

    text = " ".join(opening(found)["text"].split())

    assert "Changed by priya@contoso.example; it belongs to vera@contoso.example." in text
    assert "Set the fewest nodes of gpu from 4 to 0. az ml compute update -n gpu --min-instances 0 -g rg -w mlw" in text


def test_where_nothing_can_stop_it_somebody_is_named_to_ask():
    found = case("CC-4300")
    found = replace(found, anomaly=replace(found.anomaly, owner="vera@contoso.example"))

    assert "Ask vera@contoso.example whether it is needed" in " ".join(opening(found)["text"].split())


def test_where_there_is_a_page_finance_is_led_to_it_and_not_to_a_command_line():
    letter = led_to_the_page(case("CC-4300"))

    address = f"https://finops.contoso.example/anomalies/{case('CC-4300').id}"
    assert address in letter["text"]
    assert f'href="{address}"' in letter["html"]
    assert "finops anomaly" not in letter["text"] + letter["html"]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [("2", "5", "2.5 times"), ("1", "163.4", "163 times"), ("100", "40", "40% of"), ("100", "0.9", "less than 1% of")],
)
def test_quantities_are_compared_as_people_do(before: str, after: str, said: str):
    assert compared(Decimal(before), Decimal(after)) == said
