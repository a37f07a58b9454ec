"""Cases that were closed: what comes after is told again, what was known at the close is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from anomaly_desk import WHO, WORKSPACE, Desk, at, day, desk_in

from finops.anomalies import Anomaly, Reach, Scope, id_of
from finops.anomalies.cases import Case
from finops.jobs import anomalies
from finops.jobs.anomalies.matching import matched

LEFT_ON = {70: 400.0, 71: 400.0, 72: 400.0}
CENTRE, SERVICE, METER = (
    Scope("cost centre", "CC-4300"),
    Scope("service", "Azure Machine Learning"),
    Scope("meter", "NC24"),
)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_in(tmp_path) as found:
        yield found


def found(first: int, last: int, impact: str = "60", scope: Scope = CENTRE, also: tuple[Scope, ...] = ()) -> Anomaly:
    amount = Decimal(impact)
    return Anomaly(
        id_of(scope, day(first)), scope, "spike", day(first), day(last), amount + 10,
        Reach(Decimal(5), Decimal(10), Decimal(15)), amount, None, also=also,
    )  # fmt: skip


def case(one: Anomaly, closed: bool = False) -> Case:
    made = Case(replace(one, state="resolved" if closed else "open"), "USD", "effective")
    return replace(made, ended=at(one.last.toordinal() - day(0).toordinal())) if closed else made


def test_what_begins_after_the_last_day_of_a_closed_case_is_a_new_one():
    new = found(72, 74, "50000")

    assert matched([new], [case(found(70, 70), closed=True)]) == ({}, [new])


def test_what_begins_soon_after_an_open_case_is_it():
    later, known = found(72, 74), case(found(70, 70))

    assert matched([later], [known]) == ({known.id: later}, [])


def test_of_two_findings_near_one_case_neither_is_lost():
    known = case(found(70, 72, "900", also=(SERVICE, METER)))
    centre, meter = found(70, 72, "900"), found(71, 72, "300", scope=METER)

    of_case, fresh = matched([centre, meter], [known])

    assert (list(of_case.values()), fresh) == ([centre], [meter])


def test_the_open_case_of_a_scope_is_moved_before_a_closed_one():
    closed, known = case(found(70, 72), closed=True), case(found(74, 75))
    whole = found(70, 75, "800")

    of_case, fresh = matched([whole], [closed, known])

    assert (of_case, fresh) == ({known.id: whole}, [])


def test_a_case_that_grew_after_it_was_closed_is_opened_again_and_told(desk: Desk):
    desk.watch(70, {70: 120.0})
    anomalies.resolve(desk.state, desk.case().id, "switched off", WHO, at(70))

    done = desk.watch(74, {70: 120.0, 72: 50_000.0, 73: 50_000.0, 74: 50_000.0})

    one = desk.case().anomaly
    assert (one.state, one.impact > 149_000) == ("open", True)
    assert [case.id for case in done.again] == [one.id]
    assert any("50,0" in subject or "150," in subject for subject in desk.subjects)


def test_what_goes_on_after_it_was_closed_is_told_in_a_thread_of_its_own(desk: Desk):
    first = desk.watch(71, LEFT_ON)
    anomalies.resolve(desk.state, desk.case().id, "back to 0 nodes", WHO, at(71))

    done = desk.watch(75, dict.fromkeys(range(70, 76), 400.0))

    one = desk.case().anomaly
    assert one.state == "open"
    assert one.evidence[0].endswith("by ann on laptop (back to 0 nodes), and it is off again or still.")
    assert len({letter["thread"] for letter in (*first.mails, *done.mails)}) == 2


def test_days_up_to_the_one_on_which_it_was_closed_leave_it_closed(desk: Desk):
    desk.watch(70, LEFT_ON)
    anomalies.resolve(desk.state, desk.case().id, "back to 0 nodes", WHO, at(70))

    desk.watch(74, LEFT_ON)

    assert desk.case().anomaly.state == "resolved"
    assert desk.case().anomaly.last == day(72)


def test_what_the_charges_took_back_and_show_again_is_told(desk: Desk):
    desk.watch(72, LEFT_ON)
    desk.watch(73, {})
    assert not desk.case().is_open

    desk.watch(74, LEFT_ON)

    assert desk.case().is_open
    assert len(desk.subjects) == 3


def test_a_weekend_does_not_end_what_was_explained(desk: Desk):
    desk.watch(71, LEFT_ON)
    anomalies.explain(desk.state, desk.case().id, "retraining until Friday", WHO, at(71))
    on = {70: 400.0, 71: 400.0, 74: 400.0, 75: 400.0}

    for through in (73, 75):
        desk.watch(through, on)

    assert (desk.case().anomaly.state, desk.case().anomaly.last) == ("explained", day(75))


def test_opening_again_is_in_the_audit_trail(desk: Desk):
    desk.watch(71, LEFT_ON)
    anomalies.resolve(desk.state, desk.case().id, "back to 0 nodes", WHO, at(71))

    desk.watch(75, dict.fromkeys(range(70, 76), 400.0), now=at(75) + timedelta(hours=1))

    assert "opened an anomaly again" in [one["what"] for one in desk.state.audit_entries()]


def scaled(desk: Desk, on: int, name: str = "gpu") -> None:
    """Our own act: the guard lets the cluster go to zero at noon of that day."""
    with desk.state.turn():
        when = at(on) - timedelta(hours=42)
        number = desk.state.open_intent(
            when, generation=None, evidence={"seen": {"minNodeCount": 4}, "wanted": {"minNodeCount": 0}},
            afterwards=None, run="r", resource_id=f"{WORKSPACE}/computes/{name}", workspace="w", api_version="v",
            action="scale", rule="guard/scale", why="idle", who="finops", decision="enforce", saving="90",
        )  # fmt: skip
        desk.state.close_intent(number, "done", "read back", when, "finops", {})


def test_what_we_stopped_ourselves_is_closed_by_it_and_its_last_mail_says_so(desk: Desk):
    desk.watch(71, LEFT_ON)
    scaled(desk, 72)

    done = desk.watch(75, LEFT_ON)

    assert [case.id for case in done.ended] == [desk.case().id]
    assert (desk.case().anomaly.state, desk.case().by_act) == ("resolved", True)
    [letter] = done.mails
    text = " ".join(letter["text"].split())
    assert "The case is closed: gpu was " in text
    assert "on 14 Oct by the spot guard. No more mails come about it." in text


def test_what_goes_on_after_our_act_stays_open(desk: Desk):
    desk.watch(71, LEFT_ON)
    scaled(desk, 72)

    desk.watch(75, dict.fromkeys(range(70, 76), 400.0))

    assert desk.case().is_open


def test_an_act_on_something_else_closes_nothing(desk: Desk):
    desk.watch(71, LEFT_ON)
    scaled(desk, 72, "steady")

    desk.watch(75, LEFT_ON)

    assert desk.case().is_open


def test_a_case_that_an_act_ended_stays_closed_and_is_told_no_more(desk: Desk):
    desk.watch(71, LEFT_ON)
    scaled(desk, 72)
    desk.watch(75, LEFT_ON)

    assert desk.watch(76, LEFT_ON).mails == ()
    assert not desk.case().is_open
