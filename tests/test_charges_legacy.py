"""Azure's actual and amortized cost files under every header in use, read as FOCUS."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest
from charges_files import SUB, VM, spend, text

from finops import charges
from finops.charges import legacy
from finops.errors import DataError

GUID = SUB.rpartition("/")[2]

# Headers as they were seen, each with one row: (agreement, header, row).
SEEN = {
    "EA, portal and exports since 2021": (
        "SubscriptionId,Date,MeterCategory,Quantity,Cost,BillingCurrency,ResourceId,Tags,ChargeType,PricingModel",
        [GUID, "09/21/2024", "Storage", "2", "3.25", "USD", VM, '"CostCenter": "ml"', "Usage", "OnDemand"],
    ),
    "MCA, Cost Details API 2025-03-01": (
        "billingProfileId,date,meterCategory,SubscriptionId,ResourceId,quantity,chargeType,billingCurrency,"
        "pricingCurrency,costInBillingCurrency,costInPricingCurrency,costInUsd,tags,pricingModel",
        [
            "P",
            "09/21/2024",
            "Storage",
            GUID,
            VM,
            "2",
            "Usage",
            "USD",
            "EUR",
            "3.25",
            "9",
            "9",
            '"CostCenter": "ml"',
            "",
        ],
    ),
    "Consumption API, older names": (
        "SubscriptionGuid,UsageDateTime,MeterCategory,UsageQuantity,PreTaxCost,Currency,InstanceId,Tags",
        [GUID, "2024-09-21", "Storage", "2", "3.25", "USD", VM, '{"CostCenter": "ml"}'],
    ),
    "EA enrollment reports": (
        "SubscriptionGuid,Date,Meter Category,Consumed Quantity,ExtendedCost,Currency Code,Instance ID,Tags",
        [GUID, "09/21/2024", "Storage", "2", "3.25", "USD", VM, '{"costcenter": "ml"}'],
    ),
    "Cost analysis download": (
        "UsageDate,ResourceId,MeterCategory,Tags,CostUSD,Cost,Currency",
        ["2024-09-21", VM, "Storage", '"CostCenter": "ml"', "9", "3.25", "USD"],
    ),
    "Cost Management query saved as CSV": (
        "PreTaxCost,UsageDate,ResourceId,MeterCategory,Tags,Currency",
        ["3.25E0", "20240921", VM, "Storage", '"CostCenter": "ml"', "USD"],
    ),
    "ISO times": (
        "subscriptionId,date,meterCategory,cost,billingCurrency,resourceId,tags",
        [GUID, "2024-09-21T00:00:00.0000000Z", "Storage", "3.25", "USD", VM, '"CostCenter": "ml"'],
    ),
    "US dollars only": (
        "SubscriptionId,Date,MeterCategory,CostInUsd,ResourceId,Tags",
        [GUID, "09/21/2024", "Storage", "3.25", VM, '"CostCenter": "ml"'],
    ),
}


def file_of(folder: Path, header: str, *rows: list[str]) -> Path:
    file = folder / "costs.csv"
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header.split(","))
        writer.writerows(rows)
    return file


@pytest.mark.parametrize("seen", SEEN)
def test_every_header_in_use_gives_the_same_charge(tmp_path: Path, seen: str):
    header, row = SEEN[seen]

    with charges.load([file_of(tmp_path, header, row)]) as book:
        assert book.total("billed") == Decimal("3.25")
        assert book.currencies == ["USD"]
        assert spend(book, "Day") == {"2024-09-21": "3.25"}
        assert spend(book, "CostCenter") == {"ml": "3.25"}
        assert spend(book, "ServiceName") == {"Storage": "3.25"}
        assert spend(book, "MeterCategory") == {"Storage": "3.25"}
        assert spend(book, "ResourceName") == {"gpu-1": "3.25"}
        assert spend(book, "ResourceGroup") == {"ml-rg": "3.25"}
        assert spend(book, "SubAccountId") == {SUB: "3.25"}


def test_the_columns_of_microsofts_own_schemas_are_all_found(shared_data: Path):
    schemas = shared_data / "schemas"
    for name in ("ftk_actualcost_c360-2025-04.json", "ftk_amortizedcost_c360-2025-04.json"):
        told = json.loads((schemas / name).read_text("utf-8"))
        header = [one["source"]["name"] for one in told["translator"]["mappings"]]

        found = legacy.columns(header)

        assert legacy.is_legacy(found)
        missing = set(legacy.SPELLINGS) - set(found)
        # that schema, of one agreement, has none of these
        assert missing <= {
            "usd", "resource_type", "service", "product_id", "list_price", "list_cost", "pricing_model",
            "benefit", "invoice", "partner",
        }  # fmt: skip


@pytest.mark.parametrize("name", ["focuscost_1.0", "focuscost_1.0r2", "focuscost_1.2-preview", "focuscost_1.2"])
def test_a_focus_export_of_every_version_is_taken_as_focus(shared_data: Path, name: str, tmp_path: Path):
    told = json.loads((shared_data / "schemas" / f"ftk_{name}.json").read_text("utf-8"))
    header = [one["source"]["name"] for one in told["translator"]["mappings"]]
    row = dict.fromkeys(header, "")
    row |= {"BilledCost": "1", "EffectiveCost": "2", "BillingCurrency": "USD"}
    row |= {"ChargePeriodStart": "2024-09-01T00:00Z", "x_SkuMeterCategory": "Storage"}

    with charges.load([file_of(tmp_path, ",".join(header), list(row.values()))]) as book:
        assert (book.total("billed"), book.total("effective")) == (1, 2)
        assert spend(book, "MeterCategory") == {"Storage": "2.00"}


@pytest.mark.parametrize("name", ["ftk_pricesheet_2023-05-01_ea", "ftk_reservationdetails_2023-03-01"])
def test_a_price_sheet_is_no_cost_data(shared_data: Path, name: str, tmp_path: Path):
    told = json.loads((shared_data / "schemas" / f"{name}.json").read_text("utf-8"))
    header = [one["source"]["name"] for one in told["translator"]["mappings"]]

    with pytest.raises(DataError, match="no cost data"):
        charges.load([file_of(tmp_path, ",".join(header), [""] * len(header))])


def test_the_ea_sample_adds_up(shared_data: Path):
    file = shared_data / "cost_exports" / "finops_toolkit" / "EA_ActualCost_Small.csv"
    with file.open(encoding="utf-8-sig", newline="") as source:
        expected = sum(Decimal(line["Cost"]) for line in csv.DictReader(source))

    with charges.load([file]) as book:
        assert book.total("billed") == expected == Decimal("8.5450077867419368")
        assert spend(book, basis="billed") == {
            "(untagged)": "5.89",
            "1234": "2.4423241067419368",
            "SubACM": "0.21268368",
        }
        assert book.bases == ["billed"]
        assert "actual cost: its amounts are BilledCost and stand in for EffectiveCost" in book.notes[0]


def test_the_cost_center_of_a_contract_is_not_the_tag(tmp_path: Path):
    header = "SubscriptionId,Date,MeterCategory,Cost,BillingCurrency,ResourceId,Tags,CostCenter"
    file = file_of(tmp_path, header, [GUID, "09/21/2024", "Storage", "1", "USD", VM, "", "acm9000"])

    with charges.load([file]) as book:
        assert spend(book, "CostCenter") == {"(untagged)": "1.00"}
        assert spend(book, "x_CostCenter") == {"acm9000": "1.00"}


@pytest.mark.parametrize(
    ("charge_type", "category"),
    [
        ("Usage", "Usage"), ("Purchase", "Purchase"), ("Refund", "Purchase"), ("UnusedReservation", "Usage"),
        ("UnusedSavingsPlan", "Usage"), ("Tax", "Tax"), ("Credit", "Credit"), ("RoundingAdjustment", "Adjustment"),
    ],
)  # fmt: skip
def test_charge_types_become_charge_categories(tmp_path: Path, charge_type: str, category: str):
    header = "SubscriptionId,Date,Cost,BillingCurrency,ChargeType"

    with charges.load([file_of(tmp_path, header, [GUID, "09/21/2024", "1", "USD", charge_type])]) as book:
        assert spend(book, "ChargeCategory") == {category: "1.00"}


@pytest.mark.parametrize(
    ("model", "category"),
    [("OnDemand", "Standard"), ("On Demand", "Standard"), ("Spot", "Dynamic"), ("Reservation", "Committed"),
     ("SavingsPlan", "Committed"), ("Savings Plan", "Committed"), ("", "(none)")],
)  # fmt: skip
def test_pricing_models_become_pricing_categories(tmp_path: Path, model: str, category: str):
    header = "SubscriptionId,Date,Cost,BillingCurrency,PricingModel"

    with charges.load([file_of(tmp_path, header, [GUID, "09/21/2024", "1", "USD", model])]) as book:
        assert spend(book, "PricingCategory") == {category: "1.00"}


def test_a_billing_period_ends_where_the_next_begins(tmp_path: Path):
    import duckdb

    header = "SubscriptionId,Date,Cost,BillingCurrency,BillingPeriodStartDate,BillingPeriodEndDate"
    file = file_of(tmp_path, header, [GUID, "09/21/2024", "1", "USD", "09/01/2024", "09/30/2024"])
    charges.load([file], tmp_path / "store").close()
    (arrived,) = (tmp_path / "store" / "arrived").glob("*.parquet")

    with duckdb.connect() as engine:
        found = engine.execute(f"SELECT CAST(BillingPeriodEnd AS VARCHAR) FROM '{arrived}'").fetchall()

    assert found == [("2024-10-01 00:00:00",)]


def test_a_broken_row_names_the_column_as_the_file_does(tmp_path: Path):
    file = text(
        tmp_path / "a.csv", "Date,PreTaxCost,Currency", "09/01/2024,1,USD", "01.09.2024,1,USD", "09/01/2024,x,USD"
    )
    file = text(file, *file.read_text().splitlines(), "09/01/2024,1,USD")

    with charges.load([file]) as book:
        assert [(one.line, one.reason) for one in book.rejected] == [
            (3, "Date is '01.09.2024', not a date"),
            (4, "PreTaxCost is 'x', not an amount"),
        ]
