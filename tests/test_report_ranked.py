"""Which decisions come first, and that no amount is asked for in two of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

from deciding import cluster, decided, request, strange, waste
from report_data import NOW, book, daily, report_of
from same_figures import differences

from finops.charges import Period
from finops.config.model import ReportSettings, Settings
from finops.report import build, render
from finops.report.explain import explain
from finops.report.known import Known

ROWS = daily("2026-11-08", "2026-11-22", "CC-1", "10")
# Two requests of the janitor, of which the first is about a cluster that the guard found as well; nobody knows what the
# third saves.
TWICE = Known(
    requests=(request(1, "100"), request(2, "40"), request(3, None)),
    claims=(
        waste(1, "gpu", "100"),
        waste(2, "old", "40"),
        waste(3, "odd", None),
        cluster("gpu", "730", "scale"),
    ),
)


def test_what_another_decision_saves_is_not_asked_for_again_with_the_requests(tmp_path: Path) -> None:
    report = report_of(tmp_path, *ROWS, known=TWICE)

    assert report.savings is not None
    amounts = {one.kind: one.amount.amount for one in report.decisions if one.amount}
    assert amounts == {"scale": 730, "approvals": 40}
    assert sum(amounts.values()) == report.savings.identified.amount.amount
    [janitor] = [one for one in report.savings.sources if one.name == "Janitor"]
    assert amounts["approvals"] == janitor.identified.amount.amount


def test_the_mail_says_which_requests_count_with_another_decision(tmp_path: Path) -> None:
    report = report_of(tmp_path, *ROWS, known=TWICE)

    text = " ".join(render(report, Settings()).text.split())
    assert "$40 a month: approve or refuse 3 requests of the janitor. The amount of 1 of them is not known. " in text
    assert "Counted with what else is asked of the same resource: 1 of them. Owner:" in text
    assert differences(report, render(report, Settings())) == []


def test_requests_without_a_known_amount_are_some_of_those_that_wait(tmp_path: Path) -> None:
    report = report_of(
        tmp_path, *ROWS, known=Known(requests=tuple(request(n, None if n > 1 else "7") for n in range(4)))
    )

    made = render(report, Settings())
    for form in (made.text, made.html):
        said = " ".join(form.split())
        assert "approve or refuse 4 requests of the janitor. The amount of 2 of them is not known." in said


def test_the_charges_of_the_requests_add_up_to_what_they_are_asked_for(tmp_path: Path) -> None:
    with book(tmp_path, *ROWS) as loaded:
        report = build(loaded, NOW, ReportSettings(), known=TWICE)
        found = explain(report, loaded, "decision/2", TWICE)

    assert ([row.name for row in found.rows], found.total, found.adds_up) == (["old"], 40, True)
    assert found.evidence == (
        "1 of 3 have no known amount.",
        "gpu: counted with what the spot guard found on gpu.",
    )


def test_what_saves_nothing_stands_after_what_does(tmp_path: Path) -> None:
    rows = [*daily("2026-11-08", "2026-11-22", None, "90", "vm"), *ROWS]

    found = decided(tmp_path, Known(requests=(request(1, "5"),)), *rows)

    assert [one.kind for one in found] == ["approvals", "untagged"]


def test_money_that_acting_saves_leaves_no_room_for_a_missing_tag(tmp_path: Path) -> None:
    rows = [*daily("2026-11-08", "2026-11-22", None, "900", "vm"), *ROWS]
    known = Known(requests=(request(1, "5"),), claims=(cluster("gpu", "50", "scale"), cluster("cpu", "20")))

    assert [one.kind for one in decided(tmp_path, known, *rows)] == ["scale", "spot", "approvals"]


def test_a_cost_that_goes_on_ranks_by_what_it_comes_to_in_a_month(tmp_path: Path) -> None:
    going_on = Known(anomalies=(strange("40", "/subscriptions/s/x"),), requests=(request(1, "200"),))

    # 40 on four days: 300 in thirty.
    assert [one.kind for one in decided(tmp_path, going_on)] == ["anomaly", "approvals"]


def test_a_cost_that_is_over_ranks_after_what_can_still_be_saved(tmp_path: Path) -> None:
    over = Known(
        anomalies=(strange("400", "/subscriptions/s/x"),),
        anomalies_of=Period.week_ending(date(2026, 11, 26)),
        requests=(request(1, "2"),),
    )

    assert [one.kind for one in decided(tmp_path, over)] == ["approvals", "anomaly"]


def test_the_button_stands_beside_the_decision_that_is_made_behind_it(tmp_path: Path) -> None:
    known = Known(requests=(request(1, "200"),), claims=(cluster("gpu", "50", "scale"),))
    report = report_of(tmp_path, *ROWS, known=known)

    made = render(report, Settings.model_validate({"web": {"auth": "demo", "public_url": "https://f.example"}}))
    asked, button, other = (
        made.html.index(one) for one in ("approve or refuse", "https://f.example/findings", "minimum")
    )
    assert asked < button < other
    text = made.text
    assert text.index("approve or refuse") < text.index("https://f.example/findings") < text.index("set the minimum")
    assert made.html.count("https://f.example/findings") == 1


def test_what_is_saved_of_the_requests_is_in_the_currency_of_the_report(tmp_path: Path) -> None:
    claims = (waste(2, "old", "40", currency="EUR"),)

    [one] = decided(tmp_path, Known(requests=(request(2, "40", "EUR"),), claims=claims))

    assert (one.amount, one.count, one.unknown) == (None, 1, 1)


def test_an_amount_that_our_own_act_has_lowered_is_asked_for_as_the_savings_have_it(tmp_path: Path) -> None:
    done = cluster("old", "9", "scale", stage="done", since=NOW.replace(day=16), did="set", measure="idle", kept=1)
    rows = [
        *daily("2026-11-01", "2026-11-16", "CC-1", "10", "old", ResourceId=done.resource_id),
        *daily("2026-11-17", "2026-11-22", "CC-1", "5", "old", ResourceId=done.resource_id),
    ]
    waits = waste(2, "old", "300", cost=Decimal(300))
    report = report_of(tmp_path, *rows, known=Known(requests=(request(2, "300"),), claims=(done, waits)))

    assert report.savings is not None
    [one] = [one for one in report.decisions if one.kind == "approvals"]
    assert one.amount == report.savings.identified.amount
    assert one.amount is not None
    assert one.amount.amount == 150
