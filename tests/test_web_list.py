"""The list of findings: the amount first, what it can be narrowed down to, its order and pages, and odd names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from approvals_page import ANA, GROUP, NOW, OLA, WORKSPACE, Browser, opened, put, settings, text

from finops.state import State


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with opened(tmp_path) as found:
        yield found


def shown(state: State, query: str = "", **web: int) -> list[str]:
    """The names of the findings on a page of the list, in order."""
    page = Browser(state, ANA, settings(**web)).get(f"/findings{query}").text
    return re.findall(r'<bdi class="name">([^<]*)</bdi>', page)


def test_the_amount_of_all_comes_first(state: State):
    for n in range(3):
        put(state, name=f"ep-{n}", saving=Decimal("100.25"))
    put(state, name="no-saving-known", saving=None, monthly_cost=Decimal("50"))
    put(state, name="nothing-known", saving=None, monthly_cost=None)

    page = Browser(state, ANA, settings(page_rows=2)).get("/findings")

    assert "$350.75 a month in 5 open findings" in text(page)


def test_amounts_in_several_currencies_are_not_added(state: State):
    put(state, currency="USD")
    put(state, name="other", currency="EUR", saving=Decimal("12.34"))

    said = text(Browser(state).get("/findings"))

    assert "Amounts in several currencies in 2 open findings" in said
    assert "€12.34" in said


def test_an_amount_has_the_digits_of_its_currency(state: State):
    put(state, currency="JPY", saving=Decimal("1234.4"))

    assert "¥1,234 a month" in text(Browser(state).get("/findings"))


def test_without_findings_the_page_says_so(state: State):
    said = text(Browser(state).get("/findings"))

    assert "Nothing to show. No finding waits for a decision." in said
    assert "0 open findings" in said
    assert "0.00" not in said


def test_at_first_only_what_is_open_is_shown(state: State):
    for status in ("pending", "asked", "approved", "denied", "snoozed", "gone", "found"):
        put(state, name=status, status=status)

    assert set(shown(state)) == {"pending", "asked"}
    assert len(shown(state, "?status=all")) == 7
    assert shown(state, "?status=denied") == ["denied"]


def test_the_list_is_narrowed_down(state: State):
    put(state, name="a", rule="image-stale", owner="kim@contoso.example")
    put(state, name="b", risk="high", owner="")
    put(
        state, name="c", resource_id=f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws-two/computes/c"
    )

    assert shown(state, "?rule=image-stale") == ["a"]
    assert shown(state, "?risk=high") == ["b"]
    assert shown(state, "?owner=KIM@contoso.example") == ["a"]
    assert shown(state, "?owner=nobody") == ["b"]
    assert shown(state, "?workspace=WS-TWO") == ["c"]
    assert shown(state, "?workspace=ws") == []
    assert shown(state, "?q=onlineendpoints/A") == ["a"]
    assert shown(state, "?q=kim&risk=high") == []


def test_my_findings_are_those_that_i_own(state: State):
    put(state, name="mine", owner="Ola@Contoso.example")
    put(state, name="by-id", owner="oid-ola")
    put(state, name="theirs", owner="kim@contoso.example")

    page = Browser(state, OLA).get("/findings?owner=me").text

    assert set(re.findall(r'<bdi class="name">([^<]*)</bdi>', page)) == {"mine", "by-id"}


@pytest.mark.parametrize("wild", ["%", "_", "\\", "'", '"', "%%%", "';--", "(", "[a-z]"])
def test_a_search_is_for_text_and_nothing_else(state: State, wild: str):
    put(state, name="plain")
    put(state, name=f"odd{wild}name")

    page = Browser(state).ask("GET", "/findings", params={"q": f"odd{wild}n"}).text

    assert page.count('<bdi class="name">') == 1


def test_the_list_is_sorted_by_amount_unless_asked_otherwise(state: State):
    put(state, name="small", saving=Decimal("1"), now=NOW - timedelta(days=2))
    put(state, name="large", saving=Decimal("1000"), now=NOW)
    put(state, name="middle", saving=Decimal("9.5"), now=NOW - timedelta(days=1))
    put(state, name="unknown", saving=None, monthly_cost=None, now=NOW + timedelta(days=1))

    assert shown(state) == ["large", "middle", "small", "unknown"]
    assert shown(state, "?order=expires") == ["small", "middle", "large", "unknown"]
    assert shown(state, "?order=name") == ["large", "middle", "small", "unknown"]


def test_pages_keep_the_filters(state: State):
    for n in range(5):
        put(state, name=f"ep-{n}", saving=Decimal(n))

    page = Browser(state, ANA, settings(page_rows=2)).get("/findings?q=ep&order=amount&page=2")

    assert shown(state, "?q=ep&page=2", page_rows=2) == ["ep-2", "ep-1"]
    assert "Findings 3 to 4 of 5" in text(page)
    assert 'rel="prev" href="/findings?q=ep"' in page.text.replace("search=", "q=")
    assert "page=3" in page.text


@pytest.mark.parametrize(
    "query",
    ["?page=0", "?page=-1", "?page=x", "?page=" + "9" * 20, "?page=\u0663", "?order=number;drop", "?status=no",
     "?risk=medium", "?rule=" + "x" * 9000, "?q=%00", "?q=%ff%fe", "?page=1&page=2", "?q=" + "\u05d0" * 100, "?&&&=",
     "?pick=all"],
)  # fmt: skip
def test_a_query_that_makes_no_sense_does_no_harm(state: State, query: str):
    put(state)

    assert Browser(state).get(f"/findings{query}").status_code == 200


def test_a_page_behind_the_last_is_empty_and_leads_back(state: State):
    put(state)

    answer = Browser(state).get("/findings?page=1000000")

    assert answer.status_code == 200
    assert "Nothing to show" in text(answer)


def test_all_low_risk_selects_what_waits_and_nothing_of_high_risk(state: State):
    put(state, name="low")
    put(state, name="high", risk="high")
    put(state, name="asked", status="asked")

    page = Browser(state).get("/findings?pick=low").text

    assert "Select the 1 low-risk finding of this page" in page
    assert [("checked" in box) for box in re.findall(r'<input type="checkbox"[^>]*>', page)].count(True) == 1
    assert len(re.findall(r'<input type="checkbox"', page)) == 2


NAMES = [
    "<b>bold</b>",
    "<script>alert(1)</script>",
    "[red]text[/red]",
    '=cmd("calc")',
    "{{ 7 * 7 }}",
    "{% include 'layout.html' %}",
    'quote" onmouseover="x',
    "it's & more",
    "n" * 250,
    "\u05e9\u05dc\u05d5\u05dd \u202etxt.exe",
    "\U0001f984 na\u0308me",
    "line\nbreak\ttab",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("name", NAMES)
def test_whatever_it_is_called_it_is_shown_as_text(state: State, name: str):
    record = put(
        state, name=name, why=f"why {name}", owner=f"{name}@x", dependents=(name,), not_checked=(name,), rule=name
    )
    browser = Browser(state)

    pages = [browser.get("/findings"), browser.get(f"/findings/{record.number}"), browser.decide(record, action="deny")]

    for page in pages:
        assert page.status_code in {200, 422}
        assert " ".join(name.replace("\u202e", "\ufffd").split()) in text(page)
        assert "<b>bold" not in page.text
        assert "<script>alert" not in page.text
        assert ' onmouseover="' not in page.text.replace("&#34; onmouseover=&#34;", "")
        assert "\u202e" not in text(page)
        assert "49" not in re.findall(r'<bdi class="name">([^<]*)</bdi>', page.text)


def test_what_was_searched_for_is_shown_as_text(state: State):
    page = Browser(state).ask("GET", "/findings", params={"q": '"><script>alert(1)</script>', "owner": '"><b>'}).text

    assert "<script>alert" not in page
    assert '"><b>' not in page


def test_an_id_that_is_no_arm_id_is_shown_all_the_same(state: State):
    for n, odd in enumerate(("x", "/", "", "a/b", f"{WORKSPACE}//")):
        record = put(state, resource_id=odd, rule=f"rule-{n}")
        assert Browser(state).get(f"/findings/{record.number}").status_code == 200

    assert Browser(state).get("/findings").status_code == 200
