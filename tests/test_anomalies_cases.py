"""Cases of anomalies: kept, moved, told once, explained, planned, closed; on made charges."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from anomaly_desk import WHO, Desk, at, day, desk_in

from finops.anomalies import Scope
from finops.errors import UsageError
from finops.jobs import anomalies


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_in(tmp_path) as found:
        yield found


LEFT_ON = {70: 400.0, 71: 400.0, 72: 400.0}


def test_a_case_is_made_on_the_first_complete_day(desk: Desk):
    done = desk.watch(70, LEFT_ON)

    [case] = done.new
    assert (case.anomaly.scope, case.anomaly.first) == (Scope("cost centre", "CC-4300"), day(70))
    assert case.anomaly.state == "open"


def test_the_resource_behind_it_and_the_quantity_are_named(desk: Desk):
    desk.watch(70, LEFT_ON)

    one = desk.case().anomaly
    assert one.cause.startswith("gpu: ")
    assert "the hours at the same price" in one.cause
    assert any("gpu (compute in mlw-llm)" in line for line in one.evidence)


def test_hours_to_detect_are_kept(desk: Desk):
    desk.watch(70, LEFT_ON)

    assert desk.case().hours == 54
    assert desk.case().late_hours == 6


def test_the_days_after_belong_to_the_same_case(desk: Desk):
    for through in (70, 71, 72, 73, 74):
        desk.watch(through, LEFT_ON)

    one = desk.case().anomaly
    assert (one.first, one.last, one.going_on) == (day(70), day(72), False)


def test_it_is_carried_until_somebody_closes_it(desk: Desk):
    for through in (70, 74, 88):
        desk.watch(through, LEFT_ON)

    assert [one.state for one in anomalies.open_cases(desk.state)] == ["open"]


def test_it_is_told_once(desk: Desk):
    for through in (70, 71, 72, 74):
        desk.watch(through, LEFT_ON)

    assert len(desk.subjects) == 1
    assert "more than expected: CC-4300" in desk.subjects[0]


def test_the_last_mail_closes_its_thread(desk: Desk):
    desk.watch(72, LEFT_ON)
    anomalies.resolve(desk.state, desk.case().id, "switched off", WHO, at(73))

    desk.watch(74, LEFT_ON)
    desk.watch(75, LEFT_ON)

    first, last = desk.subjects
    assert last == f"Re: {first}"


def test_a_case_that_nobody_was_told_of_is_told_later(desk: Desk):
    desk.watch(70, LEFT_ON, tell=False)
    assert desk.subjects == []

    desk.watch(71, LEFT_ON)

    assert len(desk.subjects) == 1


def test_restated_charges_move_a_case_and_make_no_second(desk: Desk):
    desk.watch(72, LEFT_ON)

    desk.watch(73, {69: 380.0, **LEFT_ON, 71: 700.0})

    one = desk.case().anomaly
    assert one.first == day(69)
    assert one.impact > 1700


def test_a_case_that_the_charges_take_back_is_closed(desk: Desk):
    desk.watch(72, LEFT_ON)

    done = desk.watch(73, {})

    assert [case.anomaly.state for case in done.ended] == ["resolved"]
    assert "estated" in desk.case().anomaly.why


def test_an_explained_case_is_closed_when_its_cost_is_over(desk: Desk):
    desk.watch(71, LEFT_ON)
    anomalies.explain(desk.state, desk.case().id, "load test", WHO, at(71))
    assert desk.case().is_open

    desk.watch(75, LEFT_ON)

    assert (desk.case().anomaly.state, desk.case().anomaly.why) == ("resolved", "load test")


def test_a_declared_change_is_no_alarm(desk: Desk):
    anomalies.plan(desk.state, Scope("cost centre", "CC-4300"), day(70), day(72), "load test", WHO, at(60))

    desk.watch(71, LEFT_ON)

    assert desk.case().anomaly.state == "planned"
    assert desk.subjects == []


def test_what_goes_on_after_its_plan_is_opened_again(desk: Desk):
    anomalies.plan(desk.state, Scope("cost centre", "CC-4300"), day(70), day(72), "load test", WHO, at(60))
    longer = dict.fromkeys(range(70, 78), 400.0)
    desk.watch(71, longer)

    desk.watch(76, longer)

    assert desk.case().anomaly.state == "open"
    assert len(desk.subjects) == 1


def test_a_false_positive_is_not_told_again_in_any_scope(desk: Desk):
    desk.watch(72, LEFT_ON)
    anomalies.false_positive(desk.state, desk.case().id, "nightly batch", WHO, day(120), at(73))

    desk.watch(84, {**LEFT_ON, 82: 410.0})

    assert len(anomalies.cases(desk.state)) == 1


def test_more_than_a_false_positive_is_told(desk: Desk):
    desk.watch(72, LEFT_ON)
    anomalies.false_positive(desk.state, desk.case().id, "nightly batch", WHO, day(120), at(73))

    done = desk.watch(84, {**LEFT_ON, 82: 2500.0})

    assert len(done.new) == 1


def test_a_raised_bar_that_ended_hides_nothing(desk: Desk):
    desk.watch(72, LEFT_ON)
    anomalies.false_positive(desk.state, desk.case().id, "nightly batch", WHO, day(78), at(73))

    done = desk.watch(85, {**LEFT_ON, 84: 900.0})

    assert len(done.new) == 1


def test_what_people_say_is_in_the_audit_trail(desk: Desk):
    desk.watch(72, LEFT_ON)
    anomalies.resolve(desk.state, desk.case().id, "switched off", WHO, at(73))

    said = [(one["who"], one["what"], one["why"]) for one in desk.state.audit_entries()]
    assert (WHO, "resolved an anomaly", "switched off") in said
    assert desk.state.verify_audit().entries == len(said)


def test_the_same_watch_again_changes_nothing(desk: Desk):
    desk.watch(72, LEFT_ON)
    before = desk.state.kept("anomaly/")

    done = desk.watch(72, LEFT_ON)

    assert desk.state.kept("anomaly/") == before
    assert (done.new, done.moved, done.ended, done.mails) == ((), (), (), ())


def test_old_anomalies_are_no_new_cases(desk: Desk):
    done = desk.watch(89, {50: 500.0})

    assert done.new == ()


def test_a_short_history_says_so(desk: Desk):
    assert "nothing is judged" in desk.watch(9).why


def test_nobody_looked_is_not_none_found(desk: Desk):
    assert anomalies.open_cases(desk.state) is None

    desk.watch(72)

    assert anomalies.open_cases(desk.state) == ()


def test_an_unknown_id_and_an_unclear_one_are_refused(desk: Desk):
    desk.watch(72, LEFT_ON)

    with pytest.raises(UsageError, match="no anomaly 'A1234567x'"):
        anomalies.case_of(desk.state, "A1234567x")
    with pytest.raises(UsageError, match="no anomaly ''"):
        anomalies.case_of(desk.state, "")


@pytest.mark.parametrize(
    ("text", "scope"),
    [("CC-4300", Scope("cost centre", "CC-4300")), ("workspace:mlw", Scope("workspace", "mlw")), ("all", None),
     ("cost-center:x:y", Scope("cost centre", "x:y")), ("meter: NC24 v3", Scope("meter", "NC24 v3"))],
)  # fmt: skip
def test_scopes_are_written_as_people_do(text: str, scope: Scope | None):
    assert anomalies.scope_of(text) == scope


def test_a_scope_of_an_unknown_kind_is_refused():
    with pytest.raises(UsageError, match="is no scope"):
        anomalies.scope_of("cluster:gpu")


def test_a_plan_that_ends_before_it_begins_is_refused(desk: Desk):
    with pytest.raises(UsageError, match="before it begins"):
        anomalies.plan(desk.state, None, day(5), day(4), "x", WHO, at(4))


def test_the_bar_is_named_in_money(desk: Desk):
    desk.watch(70, {70: 400.0})

    assert abs(anomalies.bar_of(desk.case().anomaly) - Decimal(500)) < 15


LEFT_RUNNING = dict.fromkeys(range(70, 120), 400.0)


def test_the_money_of_an_open_case_is_counted_to_the_last_complete_day_while_it_goes_on(desk: Desk):
    for through in (72, 84, 100):
        desk.watch(through, LEFT_RUNNING)

    [one] = anomalies.open_cases(desk.state) or ()
    assert (one.first, one.last, one.going_on) == (day(70), day(100), True)
    assert 31 * 380 < one.impact < 31 * 420


def test_once_it_is_over_no_more_money_is_counted(desk: Desk):
    for through in (72, 84, 100, 112):
        desk.watch(through, {n: cost for n, cost in LEFT_RUNNING.items() if n < 95})

    [one] = [case for case in anomalies.open_cases(desk.state) or () if case.first == day(70)]
    assert (one.last < day(100), one.going_on) == (True, False)
    assert 25 * 380 < one.impact < 25 * 420


def test_a_second_step_is_a_case_of_its_own_while_the_first_is_carried(desk: Desk):
    more = LEFT_RUNNING | dict.fromkeys(range(100, 120), 800.0)
    for through in (72, 84, 99, 103):
        desk.watch(through, more)

    assert [one.anomaly.first for one in anomalies.cases(desk.state)] == [day(100), day(70)]


def test_a_first_day_that_is_off_in_part_does_not_lower_what_a_day_costs(desk: Desk):
    desk.watch(73, {70: 150.0, 71: 400.0, 72: 400.0, 73: 400.0})

    assert 390 < desk.case().anomaly.per_day < 410
