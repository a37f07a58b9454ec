"""Charges asked from Cost Management: the simulator answers over HTTP, through Microsoft's client pipeline."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from charges_files import spend
from fake_azure import Asked, FakeAzure, Reply, error, ok
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_cost_estate import OTHER, SCOPE, SUBSCRIPTION, VM, WORKSPACE, an_estate, charge

from finops import charges
from finops.charges import Period, split
from finops.cloud import connect
from finops.config.model import AzureSettings
from finops.errors import DataError
from finops.simulator import serving

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
NOVEMBER = Period.month("2026-11")
RESERVATION = "/providers/Microsoft.Capacity/reservationOrders/1"


def ingested(folder: Path, *rows: dict[str, Any], store: Path, period: Period = NOVEMBER, now: datetime = NOW) -> Any:
    """The store after asking an estate that has the charges `rows`."""
    estate = an_estate(folder, rows)
    with serving(estate) as server, connect(AzureSettings(endpoint=server.url)) as azure:
        return charges.ingest(azure, [SUBSCRIPTION, OTHER], period, store, now), azure.calls


def test_both_costs_by_service_and_cost_center_come_back_exact(tmp_path: Path):
    """A reservation of 300 is bought; 3.30 of it is used on the machine, which Azure shows in amortized cost only."""
    book, calls = ingested(
        tmp_path / "estate",
        charge("2026-11-02", "4.123456789012", tags={"CostCenter": "ml"}),
        charge("2026-11-02", "0.000007", ResourceId=WORKSPACE, x_SkuMeterCategory="Azure Machine Learning"),
        charge("2026-11-03", "300", EffectiveCost="0", ResourceId=RESERVATION),
        charge("2026-11-03", "0", EffectiveCost="3.3", tags={"CostCenter": "ml"}),
        store=tmp_path / "store",
    )

    with book:
        assert book.total("billed") == Decimal("304.123463789012")
        assert book.total("effective") == Decimal("7.423463789012")
        assert spend(book) == {"ml": "7.423456789012", "(untagged)": "0.000007"}
        assert spend(book, "ServiceName") == {
            "Virtual Machines": "7.423456789012",
            "Azure Machine Learning": "0.000007",
        }
        assert spend(book, "Workspace") == {"(none)": "7.423456789012", "vision": "0.000007"}
        assert spend(book, "ChargeCategory", basis="billed") == {"Purchase": "300.00", "Usage": "4.123463789012"}
        assert book.is_complete
    # six for the subscription with commitments, the two totals for the one without charges
    assert sum(count for (service, _), count in calls.items() if service == "cost") == 8


def test_four_queries_do_where_there_are_no_commitments(tmp_path: Path):
    book, calls = ingested(tmp_path / "estate", charge("2026-11-02", "4.25"), store=tmp_path / "store")

    with book:
        assert (book.total("billed"), book.total("effective")) == (Decimal("4.25"), Decimal("4.25"))
    assert sum(count for (service, _), count in calls.items() if service == "cost") == 6


def test_restated_days_replace_and_others_stay(tmp_path: Path):
    store = tmp_path / "store"
    first, _ = ingested(tmp_path / "e1", charge("2026-11-02", "1"), charge("2026-11-03", "2"), store=store)
    first.close()
    asked = Period(date(2026, 11, 3), date(2026, 11, 5))

    book, _ = ingested(
        tmp_path / "e2", charge("2026-11-03", "20"), charge("2026-11-04", "40"), store=store, period=asked
    )

    with book:
        assert spend(book, "Day") == {"2026-11-04": "40.00", "2026-11-03": "20.00", "2026-11-02": "1.00"}


def test_asking_again_changes_nothing(tmp_path: Path):
    rows = [charge(f"2026-11-{day:02}", f"{day}.01") for day in range(1, 9)]
    store = tmp_path / "store"
    first, _ = ingested(tmp_path / "e1", *rows, store=store)
    first.close()

    again, _ = ingested(tmp_path / "e2", *rows, store=store, now=NOW.replace(hour=7))

    with again:
        assert again.total() == Decimal("36.08")


def test_a_day_whose_charges_are_gone_is_emptied(tmp_path: Path):
    store = tmp_path / "store"
    first, _ = ingested(tmp_path / "e1", charge("2026-11-02", "1"), charge("2026-11-03", "2"), store=store)
    first.close()

    book, _ = ingested(tmp_path / "e2", charge("2026-11-02", "1"), store=store, now=NOW.replace(hour=7))

    with book:
        assert book.total() == 1


def test_who_reads_while_others_ingest_sees_one_state(tmp_path: Path):
    store = tmp_path / "store"
    before, _ = ingested(tmp_path / "e1", charge("2026-11-02", "1"), store=store)

    after, _ = ingested(tmp_path / "e2", charge("2026-11-02", "100"), store=store, now=NOW.replace(hour=7))

    with before, after:
        assert (before.total(), after.total()) == (1, 100)


def test_months_are_asked_one_by_one_and_the_future_not_at_all(tmp_path: Path):
    rows = [charge("2026-10-31", "1"), charge("2026-11-01", "2"), charge("2026-11-22", "4")]
    period = Period(date(2026, 10, 15), date(2027, 1, 1))

    book, _ = ingested(tmp_path / "estate", *rows, store=tmp_path / "store", period=period)

    with book:
        assert book.total() == 7
        assert book.complete_until == datetime(2026, 11, 21, tzinfo=UTC)


def test_a_period_that_has_not_begun_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="lies in the future"):
        ingested(tmp_path / "estate", store=tmp_path / "store", period=Period.month("2027-01"))


def test_no_charges_anywhere_is_no_silent_zero(tmp_path: Path):
    with pytest.raises(DataError, match="Azure has no charges for November 2026"):
        ingested(tmp_path / "estate", store=tmp_path / "store")


@pytest.fixture
def azure() -> Iterator[FakeAzure]:
    with FakeAzure() as fake:
        yield fake


def table(columns: str, *rows: list[Any]) -> Reply:
    named = [{"name": name, "type": "String"} for name in columns.split()]
    return ok({"properties": {"nextLink": None, "columns": named, "rows": list(rows)}})


def told(asked: Asked, total: str = "5", cost: str = "Cost", tag: str = "TagKey TagValue") -> Reply:
    """An answer of one day: 5 USD on one machine, unless told otherwise."""
    grouping = asked.json["dataset"].get("grouping")
    if not grouping:
        return table(f"{cost} UsageDate Currency", [float(total), 20261102, "USD"])
    if grouping[1]["type"] == "TagKey":
        cells = ["costcenter", "ml"] if " " in tag else ["ml"]
        return table(f"{cost} UsageDate ResourceId {tag} Currency", [5.0, 20261102, VM, *cells, "USD"])
    return table(f"UsageDate {cost} ServiceName ResourceId Currency", [20261102, 5.0, "Storage", VM, "USD"])


def asked_of(fake: FakeAzure, store: Path, subscriptions: tuple[str, ...] = (SUBSCRIPTION,)) -> Any:
    with connect(AzureSettings(endpoint=fake.url)) as azure:
        return charges.ingest(azure, subscriptions, NOVEMBER, store, NOW)


def answer(fake: FakeAzure, subscription: str, *replies: Any) -> None:
    fake.on("POST", f"/subscriptions/{subscription}/providers/Microsoft.CostManagement/query", *replies)


@pytest.mark.parametrize("cost", ["Cost", "totalCost"])
@pytest.mark.parametrize("tag", ["TagKey TagValue", "CostCenter"])
def test_columns_are_found_by_their_names(azure: FakeAzure, tmp_path: Path, cost: str, tag: str):
    answer(azure, SUBSCRIPTION, lambda asked: told(asked, cost=cost, tag=tag))

    with asked_of(azure, tmp_path / "store") as book:
        assert spend(book) == {"ml": "5.00"}
        assert spend(book, "ServiceName") == {"Storage": "5.00"}


def test_one_subscription_that_refuses_is_named_and_the_others_stay(azure: FakeAzure, tmp_path: Path):
    answer(azure, SUBSCRIPTION, told)
    answer(azure, OTHER, error(403, "AuthorizationFailed"))

    with asked_of(azure, tmp_path / "store", (OTHER, SUBSCRIPTION)) as book:
        assert book.total() == 5
        assert [gap.scope for gap in book.gaps] == [f"/subscriptions/{OTHER}"]
        assert not book.is_complete


def test_what_was_stored_before_a_refusal_stays_and_the_gap_is_remembered(azure: FakeAzure, tmp_path: Path):
    answer(azure, SUBSCRIPTION, told)
    asked_of(azure, tmp_path / "store").close()
    with FakeAzure() as other:
        answer(other, SUBSCRIPTION, error(403, "AuthorizationFailed"))
        asked_of(other, tmp_path / "store").close()

    with charges.load([tmp_path / "store"]) as book:
        assert book.total() == 5
        assert [gap.what for gap in book.gaps] == ["charges of 2026-11"]


def test_if_every_subscription_refuses_it_is_an_error(azure: FakeAzure, tmp_path: Path):
    answer(azure, SUBSCRIPTION, error(403, "AuthorizationFailed"))

    with pytest.raises(DataError, match="No subscription could be read"):
        asked_of(azure, tmp_path / "store")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (lambda asked: told(asked, total="5.02"), r"differ from its total by -0\.02 USD"),
        (lambda asked: told(asked, total="NaN") if asked.json["dataset"].get("grouping") else
         table("Cost UsageDate Currency", [None, 20261102, "USD"]), "has the amount None"),
        (lambda asked: table("Cost UsageDate", [5.0, 20261102]), "no column Currency"),
        (lambda asked: table("Cost UsageDate Currency", [5.0, 20261102, "dollars"]), "currency 'dollars'"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_right_is_not_stored(azure: FakeAzure, tmp_path: Path, reply: Any, why: str):
    answer(azure, SUBSCRIPTION, reply)

    with pytest.raises(DataError, match=why):
        asked_of(azure, tmp_path / "store")


def test_a_cent_of_rounding_is_let_through(azure: FakeAzure, tmp_path: Path):
    answer(azure, SUBSCRIPTION, lambda asked: told(asked, total="5.009"))

    with asked_of(azure, tmp_path / "store") as book:
        assert book.total() == 5


def test_several_currencies_stay_apart(azure: FakeAzure, tmp_path: Path):
    def two(asked: Asked) -> Reply:
        reply = told(asked)
        (row,) = reply.body["properties"]["rows"]
        return Reply(200, json.loads(json.dumps(reply.body).replace(json.dumps(row), f"{json.dumps(row)}, "
                     + json.dumps([("EUR" if cell == "USD" else cell) for cell in row]))))  # fmt: skip

    answer(azure, SUBSCRIPTION, two)

    with asked_of(azure, tmp_path / "store") as book:
        assert book.currencies == ["EUR", "USD"]
        assert book.total(currency="EUR") == 5


amounts = st.decimals(-1000, 1000, allow_nan=False, places=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(amounts, min_size=1, max_size=6), st.lists(amounts, min_size=1, max_size=6))
def test_laying_two_splits_together_keeps_both(services: list[Decimal], centres: list[Decimal]):
    """Sums per service are always kept; sums per CostCenter are where both splits have the same total."""
    centres[-1] += sum(services) - sum(centres)
    day = date(2026, 11, 2)
    by_service = {(day, "USD", "vm", f"s{n}"): cost for n, cost in enumerate(services)}
    by_centre = {(day, "USD", "vm", f"c{n}"): cost for n, cost in enumerate(centres)}

    joint = split.both(by_service, by_centre)

    for position, parts in ((3, by_service), (4, by_centre)):
        for *_, name in parts:
            expected = next(cost for cell, cost in parts.items() if cell[3] == name)
            assert sum(cost for slot, cost in joint.items() if slot[position] == name) == expected


def test_the_scope_of_the_question_is_the_subscription(azure: FakeAzure, tmp_path: Path):
    answer(azure, SUBSCRIPTION, told)
    asked_of(azure, tmp_path / "store").close()

    bodies = [one.json for one in azure.asked]

    assert {one.path.lower() for one in azure.asked} == {f"{SCOPE}/providers/microsoft.costmanagement/query".lower()}
    assert {body["type"] for body in bodies} == {"ActualCost", "AmortizedCost"}
    assert all(body["timePeriod"]["from"] == "2026-11-01T00:00:00Z" for body in bodies)
    assert all(body["timePeriod"]["to"] == "2026-11-22T23:59:59Z" for body in bodies)
