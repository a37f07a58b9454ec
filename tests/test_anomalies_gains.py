"""What costs less for a reason that is known: nobody is asked to explain it, and no mail tells it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path

from anomaly_desk import WORKSPACE, at, day, desk_in, write

from finops import charges
from finops.anomalies import Anomaly, Reach, Scope, id_of
from finops.anomalies.cases import Case
from finops.config.model import Settings
from finops.jobs import anomalies
from finops.jobs.anomalies.ours import gained_by
from finops.jobs.anomalies.reading import read
from finops.report import Claim


def moment(number: int) -> datetime:
    return datetime.combine(day(number), time(16), UTC)


GPU = f"{WORKSPACE}/computes/gpu"
METER = Scope("meter", "NC24")
STOPPED = Claim(
    3, "done", GPU, "gpu", "compute cluster", "mlw-llm", "cluster-idle", "stop it", "stopped", Decimal(9), None, "USD",
    since=moment(69),
)  # fmt: skip


def fall(impact: str = "-700") -> Case:
    amount = Decimal(impact)
    one = Anomaly(
        id_of(METER, day(70)), METER, "gone", day(70), day(73), Decimal(0), Reach(Decimal(1), -amount, Decimal(999)),
        amount, Decimal(-100), going_on=True, cause="gpu: nothing more is charged on this meter",
    )  # fmt: skip
    return Case(one, "USD", "effective", ids=(GPU,))


def caused(folder: Path, scope: Scope, lost: Decimal) -> Case:
    """A fall in that scope, in which a cluster cost 110 a day until it moved to spot nodes on day 70."""
    source = write(folder / "charges", 80, spot_from=70)
    found = Anomaly("A1", scope, "gone", day(70), day(80), Decimal(0), Reach(-lost, -lost, -lost), lost, Decimal(-90))
    with charges.load([source], late_hours=24, now=at(80)) as book:
        [seen] = read(book, Settings(), at(80))
        return anomalies.caused(found, book, seen, None, at(80))


def test_what_moved_to_spot_is_explained_when_it_is_found(tmp_path: Path):
    one = caused(tmp_path, Scope("meter", "meter of NC12s v3"), Decimal(-1210)).anomaly

    assert (one.state, one.why) == ("explained", one.cause)
    assert "moved to spot" in one.why


def test_a_fall_whose_reason_nobody_knows_is_open(tmp_path: Path):
    # In the cost centre it is fewer hours, and nobody knows why.
    one = caused(tmp_path, Scope("cost centre", "CC-4300"), Decimal(-990)).anomaly

    assert (one.state, one.cause) == ("open", "nightly: 18% of the hours at the same price")


def test_what_is_explained_when_it_is_found_is_told_nobody(tmp_path: Path):
    with desk_in(tmp_path) as desk:
        desk.spot_from = 70
        desk.watch(73)

        told = [case for case in anomalies.cases(desk.state) if case.told]
        assert {case.anomaly.state for case in told} <= {"open"}


def test_a_fall_after_an_act_of_ours_is_explained_by_it():
    one = gained_by(fall(), [STOPPED]).anomaly

    assert (one.state, one.why) == ("explained", "gpu was stopped on 11 Oct as approved")


def test_a_fall_after_an_act_that_was_undone_or_of_another_resource_or_long_ago_is_open():
    others = [
        replace(STOPPED, until=moment(70)),
        replace(STOPPED, resource_id=f"{GPU}-2"),
        replace(STOPPED, since=moment(9)),
        replace(STOPPED, since=moment(72)),
        replace(STOPPED, stage="decided"),
    ]

    assert {gained_by(fall(), [act]).anomaly.state for act in others} == {"open"}


def test_a_rise_is_not_explained_by_an_act_that_came_before_it():
    assert gained_by(fall("700"), [STOPPED]).anomaly.state == "open"
