"""What a person is asked to decide: the dearest first, each with its amount, its owner and its day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from adding_up import amiss
from deciding import ANEW, cluster, decided, request, strange
from report_data import NOW, book, charge, daily, report_of
from same_figures import differences

from finops.budget import Budget
from finops.budget import Scope as BudgetScope
from finops.charges import Period
from finops.config.model import ReportSettings, Settings
from finops.jobs.budgeting.checking import stands
from finops.report import Claim, build, render
from finops.report.explain import explain
from finops.report.known import Known
from finops.report.model import Report

TODAY = NOW.date()


def test_what_waits_for_approval_is_added_up_with_what_is_not_known(tmp_path: Path) -> None:
    known = Known(
        requests=(
            request(1, "100", expires=date(2026, 12, 2)),
            request(2, "50.5", expires=date(2026, 11, 28)),
            request(3, None),
            request(4, "7", "EUR"),
        )
    )

    [one] = decided(tmp_path, known)

    assert one.amount is not None
    assert (one.amount.amount, one.per, one.count, one.unknown) == (Decimal("150.5"), "a month", 4, 2)
    assert (one.by, one.owner) == (date(2026, 11, 28), "p@contoso.com")


def test_three_decisions_at_most_what_saves_most_first(tmp_path: Path) -> None:
    rows = [*daily("2026-11-08", "2026-11-22", None, "10"), *daily("2026-11-08", "2026-11-22", "CC-1", "90", "vm-2")]
    known = Known(requests=(request(1, "60"),), claims=(cluster("gpu", "500"),))

    found = decided(tmp_path, known, *rows, monthly_budget=Decimal(500))

    assert [one.kind for one in found] == ["budget", "spot", "approvals"]
    assert [one.figure for one in found] == ["decision/1", "decision/2", "decision/3"]
    assert [one.amount.amount for one in found if one.amount] == [1000, 500, 60]  # 15 days x 100 less 500


def test_what_has_no_cost_centre_names_the_likely_owner_and_the_end_of_the_month(tmp_path: Path) -> None:
    rows = [
        *daily("2026-11-08", "2026-11-22", None, "10", "vm"),
        *daily("2026-11-08", "2026-11-22", None, "4", "other"),
    ]
    vm = rows[0]["ResourceId"].lower()

    [one] = decided(tmp_path, Known(owners={vm: "m@contoso.com"}), *rows)

    assert (one.kind, one.owner, one.by, one.count) == ("untagged", "m@contoso.com", date(2026, 11, 30), 2)


def test_untagged_cost_below_the_target_is_nobodys_decision(tmp_path: Path) -> None:
    rows = [*daily("2026-11-08", "2026-11-22", None, "1"), *daily("2026-11-08", "2026-11-22", "CC-1", "99", "vm-2")]

    assert decided(tmp_path, Known(), *rows) == ()
    assert [one.kind for one in decided(tmp_path, Known(), *rows, untagged_target=Decimal("0.9"))] == ["untagged"]


def test_a_week_without_charges_decides_nothing(tmp_path: Path) -> None:
    rows = [*daily("2026-11-08", "2026-11-22", "CC-1", "0"), charge("2026-11-10", None, "0")]

    assert decided(tmp_path, Known(), *rows) == ()


def test_nodes_that_nobody_uses_are_a_decision_with_its_verb_and_what_a_day_costs(tmp_path: Path) -> None:
    [one] = decided(tmp_path, Known(claims=(cluster("gpu", "730", "scale"),)))

    assert (one.kind, one.what) == ("scale", "set the minimum of gpu to 0 nodes")
    assert one.a_day is not None
    assert one.a_day.amount == 24
    assert (one.owner, one.by) == ("m@contoso.com", TODAY + timedelta(days=7))


def test_the_cluster_behind_an_anomaly_is_one_decision_with_it(tmp_path: Path) -> None:
    gpu, other = cluster("gpu", "730", "scale"), cluster("cpu", "5", "scale")
    known = Known(claims=(gpu, other), anomalies=(strange("300", gpu.resource_id.upper()),))

    [one] = decided(tmp_path, known)

    assert one.what == (
        "set the minimum of gpu to 0 nodes, and of one more cluster; it is why vision costs more since 18 Nov"
    )
    assert one.by == TODAY + timedelta(days=3)


def test_an_anomaly_of_something_else_stays_a_decision_of_its_own(tmp_path: Path) -> None:
    known = Known(claims=(cluster("gpu", "730", "scale"),), anomalies=(strange("300", "/subscriptions/s/computes/x"),))

    assert [one.kind for one in decided(tmp_path, known)] == ["anomaly", "scale"]


def test_what_is_asked_for_on_one_cluster_is_in_one_decision_only(tmp_path: Path) -> None:
    claims = (cluster("gpu", "730", "scale"), cluster("gpu", "100"), cluster("cpu", "40"))

    report = report_of(tmp_path, *daily("2026-11-08", "2026-11-22", "CC-1", "10"), known=Known(claims=claims))

    assert report.savings is not None
    assert [(one.kind, one.amount.amount) for one in report.decisions if one.amount] == [("scale", 730), ("spot", 40)]
    assert sum(one.amount.amount for one in report.decisions if one.amount) == report.savings.identified.amount.amount


STILL = "stop it from growing when nothing runs, until its owner makes it anew as spot"


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ((ANEW, ANEW), "move 2 dev clusters from dedicated to spot nodes"),
        (
            (STILL,),
            "move a from dedicated to spot nodes; its owner makes it anew, as the guard only stops it from growing",
        ),
        (
            (STILL, STILL),
            "move 2 dev clusters from dedicated to spot nodes; their owners make them anew, as the guard only stops "
            "them from growing",
        ),
        (
            (STILL, ANEW),
            "move 2 dev clusters from dedicated to spot nodes; their owners make them anew, as the guard only stops "
            "1 of them from growing",
        ),
    ],
)
def test_a_decision_asks_for_no_more_of_the_guard_than_it_does(tmp_path: Path, does: Any, said: str) -> None:
    claims = tuple(cluster(name, "10", does=each) for name, each in zip("ab", does, strict=False))

    [one] = decided(tmp_path, Known(claims=claims))

    assert one.what == said


def test_many_owners_are_the_one_with_most_of_it_and_how_many_others(tmp_path: Path) -> None:
    owners = (("a", "10", "ana@x"), ("b", "9", "bo@x"), ("c", "8", "bo@x"), ("d", "90", ""))

    [one] = decided(tmp_path, Known(claims=tuple(cluster(name, amount, owner=who) for name, amount, who in owners)))

    assert one.owner == "bo@x and 1 other"


def test_the_charges_of_a_decision_of_the_guard_add_up(tmp_path: Path) -> None:
    known = Known(claims=(cluster("a", "10"), cluster("b", "9"), cluster("c", None)))
    with book(tmp_path, *daily("2026-11-08", "2026-11-22", "CC-1", "10")) as loaded:
        report = build(loaded, NOW, ReportSettings(), known=known)
        found = explain(report, loaded, "decision/1", known)

    assert (found.total, found.adds_up, found.evidence) == (19, True, ("1 of 3 have no known amount.",))


def heading_over(folder: Path, amount: int, **budget: Any) -> Report:
    with book(folder, *daily("2026-09-01", "2026-11-22", "CC-1", "100")) as loaded:
        one = Budget(**{"name": "all", "scope": BudgetScope(), "amount": Decimal(amount), **budget})
        standing = stands(one, loaded, NOW, Period.month("2026-11"))
        return build(loaded, NOW, ReportSettings(), known=Known(standings=(standing,)))


def test_a_budget_is_decided_on_before_the_day_that_uses_it_up(tmp_path: Path) -> None:
    report = heading_over(tmp_path, 2550)  # 100 a day: used up on the 26th

    [one] = report.decisions
    assert report.budgets[0].runs_out == date(2026, 11, 26)
    assert one.what == "raise the budget for Nov, or spend less; it is used up about 26 Nov"
    assert one.by == date(2026, 11, 25)


def test_a_day_that_has_passed_is_no_day_to_decide_by(tmp_path: Path) -> None:
    [one] = heading_over(tmp_path, 2250).decisions  # used up today, so it should have been decided yesterday

    assert one.by == TODAY


def test_a_budget_that_is_over_is_answered_within_three_days(tmp_path: Path) -> None:
    [one] = heading_over(tmp_path, 2110).decisions

    assert one.amount is not None
    assert (one.amount.amount, one.by) == (90, TODAY + timedelta(days=3))


def test_a_budget_that_charges_of_incomplete_days_pass_is_over_in_every_sentence(tmp_path: Path) -> None:
    report = heading_over(tmp_path, 2110)  # 2,100 to the last complete day, the 21st, and 100 on the 22nd

    mail = render(report, Settings())
    text = " ".join(mail.text.split())
    assert mail.verdict.startswith(
        "November is $90 over its $2,110 budget: $2,200 is charged, $100 of it after 21 Nov;"
    )
    assert "$100 more since then: $90 over budget" in text
    assert "$90 over the budget of $2,110, counting $100 charged after 21 Nov." in text
    assert differences(report, mail) == []
    assert amiss(report) == []


def test_what_is_left_of_a_budget_counts_the_charges_of_incomplete_days(tmp_path: Path) -> None:
    report = heading_over(tmp_path, 9000)

    assert report.budgets[0].left.amount == 9000 - 2100 - 100
    assert "$6,800 of the budget of $9,000 is left, counting $100 charged after 21 Nov." in " ".join(
        render(report, Settings()).text.split()
    )


def test_a_budget_has_the_owner_it_names_else_the_first_who_is_told(tmp_path: Path) -> None:
    told = heading_over(tmp_path, 2550, to=("a@contoso.com", "b@contoso.com")).decisions[0]
    named = heading_over(tmp_path, 2550, to=("a@contoso.com",), owner="cfo@contoso.com").decisions[0]

    assert (told.owner, named.owner) == ("a@contoso.com and 1 more", "cfo@contoso.com")


def test_nobody_decides_about_a_month_that_is_over(tmp_path: Path) -> None:
    rows = daily("2026-10-01", "2026-11-22", "CC-1", "100")

    report = report_of(tmp_path, *rows, period=Period.month("2026-10"), monthly_budget=Decimal(10))

    assert report.statuses[0].word == "Over budget"
    assert report.decisions == ()


def test_what_would_save_nothing_is_no_decision(tmp_path: Path) -> None:
    known = Known(claims=(cluster("gpu", "730"), cluster("idle", "0")))

    [one] = decided(tmp_path, known)

    assert (one.what, one.count) == ("move gpu from dedicated to spot nodes", 1)


JUDGED = Period.week_ending(date(2026, 11, 26))


def done_by_guard(name: str, since: str) -> Claim:
    when = datetime.fromisoformat(f"{since}T10:00:00+00:00")
    return cluster(
        name, "730", "scale", stage="done", since=when, did="set to 0 nodes when idle", measure="idle", kept=4
    )


def test_what_our_act_has_ended_is_nobodys_decision(tmp_path: Path) -> None:
    act = done_by_guard("gpu", "2026-11-20")
    claims = Known(claims=(act,), anomalies=(strange("300", act.resource_id.upper()),), anomalies_of=JUDGED)

    assert decided(tmp_path, claims) == ()


def test_what_goes_on_after_our_act_is_still_decided(tmp_path: Path) -> None:
    act = done_by_guard("gpu", "2026-11-18")
    known = Known(claims=(act,), anomalies=(strange("300", act.resource_id),), anomalies_of=JUDGED)

    assert [one.kind for one in decided(tmp_path, known)] == ["anomaly"]


def test_what_is_over_is_asked_about_in_the_past(tmp_path: Path) -> None:
    [one] = decided(tmp_path, Known(anomalies=(strange("300", "/subscriptions/s/x"),), anomalies_of=JUDGED))

    assert one.what.startswith("say why vision cost more than expected from 18 Nov to 21 Nov: gpu")
    assert one.page == "/anomalies/A1"


def driven(folder: Path, *claims: Claim, **asked: Any) -> Report:
    """100 a day, and gpu at 60 a day since the 10th: over a budget of 3,500 at the end."""
    rows = [
        *daily("2026-10-01", "2026-11-22", "CC-1", "100"),
        *daily("2026-11-10", "2026-11-22", "CC-1", "60", "gpu", ResourceId="/subscriptions/s/computes/gpu"),
    ]
    with book(folder, *rows) as loaded:
        standing = stands(Budget(name="all", scope=BudgetScope(), amount=Decimal(3500)), loaded, NOW,
                          Period.month("2026-11"))  # fmt: skip
        return build(loaded, NOW, ReportSettings(), known=Known(standings=(standing,), claims=claims), **asked)


def test_what_drives_a_budget_and_keeps_idle_nodes_is_asked_for_once(tmp_path: Path) -> None:
    report = driven(tmp_path, cluster("gpu", "1460", "scale"), cluster("cpu", "5", "scale"))

    [one] = report.decisions
    assert one.what == "raise the budget for Nov, and set the minimum of gpu to 0 nodes, and of one more cluster"
    assert len(one.refs) == 2
    assert differences(report, render(report, Settings())) == []


def test_a_budget_says_what_it_would_have_to_be_and_how_much_of_it_a_stop_takes(tmp_path: Path) -> None:
    report = driven(tmp_path)

    [one] = report.decisions
    assert one.what.startswith("raise the budget for Nov, or stop what drives it most: gpu")
    assert one.takes is not None
    assert one.takes.amount == 60 * 8  # from the day of the report, the 23rd, to the 30th
    says = " ".join(render(report, Settings()).text.split())
    assert "By the forecast a budget of about $4,2" in says
    assert " is needed, at most $480 less if that stops now." in says


def waiting(folder: Path, **web: Any) -> str:
    """The text of a report that decides about a cluster and an anomaly while the janitor's findings wait."""
    found = cluster("vm-9", "5", source="Janitor", number=3, ref="")
    known = Known(claims=(cluster("gpu", "730", "scale"), found), anomalies=(strange("300", "/subscriptions/s/x"),))
    report = report_of(folder, *daily("2026-11-08", "2026-11-22", "CC-1", "10"), known=known)
    made = render(report, Settings.model_validate({"web": web}))
    assert differences(report, made) == []
    assert ("/findings" in made.html) == ("/findings" in made.text)
    return " ".join(made.text.split())


def test_the_mail_leads_to_what_waits_though_no_decision_is_of_it(tmp_path: Path) -> None:
    text = waiting(tmp_path, auth="demo", public_url="https://finops.example")

    assert "Open the approvals page: https://finops.example/findings" in text
    assert "Say it on its page: https://finops.example/anomalies/A1" in text


def test_the_mail_says_how_its_decisions_are_carried_out(tmp_path: Path) -> None:
    text = waiting(tmp_path, auth="none")

    assert "How: owners change their clusters, and the guard does its part once guard.scopes says enforce" in text
    assert "; an anomaly is answered with finops anomaly explain." in text
