"""Findings in the database: the migration, looking them up, and what hostile or huge values do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import sqlalchemy as sa
from awake import awake
from databases import database, postgresql, server  # noqa: F401
from lives import ANA, DAY, MONDAY, desk, endpoint, finding, only, pending, row, rule, sweep

from finops.approvals import ENDED
from finops.errors import FinopsError
from finops.state import State
from finops.state import migrate as migrating
from finops.state.engine import engine_of, url_of, writing
from finops.state.tables import findings

NOW = datetime(2026, 11, 16, 9, tzinfo=UTC)


@pytest.fixture
def state(database: str) -> Iterator[State]:  # noqa: F811
    with State.open(database) as opened:
        yield opened


def of_the_first_version(where: str) -> None:
    """Make a database of schema 0001 that remembers something."""
    engine = engine_of(url_of(where), 5)
    head, migrating.HEAD = migrating.HEAD, "0001"
    try:
        with writing(engine, where) as db:
            migrating.migrate(db, where)
            db.execute(sa.text("INSERT INTO tellings (key, told_at) VALUES ('guard/x', '2026-11-01T00:00:00+00:00')"))
    finally:
        migrating.HEAD = head
        engine.dispose()


def test_a_database_of_the_first_version_is_brought_up_to_date(database: str):  # noqa: F811
    of_the_first_version(database)

    with State.open(database) as state:
        pending(state)

        assert state.told_at("guard/x") == datetime(2026, 11, 1, tzinfo=UTC)
        assert only(state).status == "pending"


def test_a_broken_migration_leaves_the_first_version_as_it_was(database: str):  # noqa: F811
    of_the_first_version(database)
    engine = sa.create_engine(url_of(database))
    with engine.begin() as db:
        db.execute(sa.text("CREATE TABLE votes (mine integer)"))

    with pytest.raises(FinopsError):
        State.open(database)

    with engine.connect() as db:
        assert db.execute(sa.text("SELECT version_num FROM finops_schema")).scalar_one() == "0001"
        assert not sa.inspect(engine).has_table("findings")
    engine.dispose()


def test_every_column_comes_back_as_it_went_in(state: State):
    sent = finding(
        evidence={"usage": [["2026-11-01", 0.5]], "nested": {"a": [None, True, "ü"]}}, saving=Decimal("0.10"),
        monthly_cost=Decimal("1E+3"), dependents=("a", "b"), not_checked=("c",), grace_days=9,
    )  # fmt: skip

    sweep(state, NOW, sent)
    kept = only(state).finding

    assert kept.evidence == sent.evidence
    assert (kept.saving, str(kept.saving), kept.monthly_cost) == (Decimal("0.10"), "0.10", Decimal(1000))
    assert (kept.dependents, kept.not_checked, kept.grace_days, kept.quiet) == (("a", "b"), ("c",), 9, None)


@pytest.mark.parametrize(
    "name",
    ["<b>", "=cmd()", "[red]", "x" * 250, "a\0b", "'; DROP TABLE findings; --", "%_\\", "\ud800", "日本", "\u202eevil"],
)
def test_names_of_any_kind_are_kept_and_found(state: State, name: str):
    sweep(state, NOW, finding(name), finding("other"))

    wanted = name.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    found, total, _ = state.findings.all(search=wanted)

    assert (total, [one.finding.resource_id for one in found]) == (1, [endpoint(wanted)])
    assert state.verify_audit().fault is None


@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal("Infinity"), Decimal("1E+30"), Decimal("-1E+15")])
def test_amounts_that_cannot_be_added_are_left_out_of_the_sum(state: State, amount: Decimal):
    sweep(state, NOW, finding("a", saving=amount), finding("b", saving=Decimal("2.50")))

    found, total, money = state.findings.all()

    assert (total, money) == (2, Decimal("2.5"))
    assert found[-1].finding.resource_id == endpoint("a")


def test_amounts_of_two_currencies_are_not_added(state: State):
    sweep(state, NOW, finding("a"), finding("b"))
    with state.findings.changing() as change:
        change.touch(change.get(1), currency="EUR")

    assert state.findings.all()[2] is None
    assert state.findings.all(search="/b")[2] == Decimal(700)


def test_a_page_says_how_many_there_are_and_what_they_come_to(state: State):
    sweep(state, NOW, *(finding(f"e{number:02}", saving=Decimal(number)) for number in range(25)))

    page, total, amount = state.findings.all(offset=10, limit=5)

    assert [one.finding.saving for one in page] == [14, 13, 12, 11, 10]
    assert (total, amount) == (25, Decimal(300))


def test_findings_are_chosen_by_status_rule_owner_and_text(state: State):
    sweep(state, NOW, finding("a"), finding("b", owner="Bo@contoso.example"), rules=[rule()])
    desk(state).approve(row(only(state, "a")), ANA, NOW)

    assert [one.number for one in state.findings.all(status="approved")[0]] == [1]
    assert [one.number for one in state.findings.all(status=("pending", "found"))[0]] == [2]
    assert [one.number for one in state.findings.all(owner="bo@CONTOSO.example")[0]] == [2]
    assert state.findings.all(rule="another")[1] == 0
    assert state.findings.all(search="ONLINEENDPOINTS/A")[1] == 1
    assert state.findings.all(search="%")[1] == 0
    assert state.findings.counts() == {"approved": 1, "pending": 1}


@pytest.mark.parametrize("order", ["amount", "age", "due", "expires", "changed", "number", "owner", "rule", "name"])
def test_every_order_gives_every_finding_once(state: State, order: str):
    sweep(state, NOW, *(finding(f"e{number}", saving=None, monthly_cost=None, owner="") for number in range(7)))

    pages = [state.findings.all(order=order, offset=start, limit=3)[0] for start in (0, 3, 6)]

    assert sorted(one.number for page in pages for one in page) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("number", [0, -1, 99, 2**40])
def test_a_finding_that_is_not_there_is_told(state: State, number: int):
    with pytest.raises(FinopsError, match=f"There is no finding {number}"):
        state.findings.get(number)


def test_an_error_within_a_transaction_leaves_nothing_of_it(state: State):
    record = pending(state)
    head = state.audit_head()

    def broken() -> None:
        with state.findings.changing() as change:
            change.move(record, "denied", "no", NOW, "a", alive=True)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()

    assert (only(state).status, state.audit_head()) == ("pending", head)


def test_one_resource_has_one_life_at_a_time_in_the_database_itself(state: State):
    record = pending(state)

    with pytest.raises(FinopsError), state.findings.changing() as change:
        change.add(record.finding, "found", "again", NOW, "a", "USD")


def test_ten_thousand_findings_give_their_first_page_quickly(state: State):
    pending(state)
    copied = [column.name for column in findings.c if column.name not in {"number", "resource"}]
    copy = (
        f"INSERT INTO findings (resource, {', '.join(copied)}) SELECT resource || n, {', '.join(copied)} FROM findings"
    )
    with state.findings.changing() as change:
        change._db.execute(sa.text(f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 9999) "
                                   f"{copy}, n"))  # fmt: skip

    with awake() as seconds:
        page, total, amount = state.findings.all(status=("found", "pending"), limit=50)
        took = seconds()

    assert (len(page), total, amount) == (50, 10_000, Decimal(7_000_000))
    assert took < 2.0  # 0.02 s where nothing else runs


def test_sightings_are_told_without_being_noted(state: State):
    state.seen([("/Subscriptions/S/x", "janitor", "")], MONDAY)

    assert state.sightings("janitor") == {"/subscriptions/s/x": MONDAY}
    assert state.sightings("other") == {}


def test_the_schema_names_every_ended_life_not_alive(state: State):
    pending(state)
    sweep(state, MONDAY + DAY)

    assert only(state).status in ENDED
    assert state.findings.alive() == {}
