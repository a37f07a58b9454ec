"""Made charges of one cost centre with two clusters, and a desk at which their anomalies are watched."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from finops import charges
from finops.cloud import Azure
from finops.config.model import Settings
from finops.jobs import anomalies
from finops.state import State

START = date(2026, 8, 3)
WEEK = [100, 104, 98, 102, 96, 30, 24]
WOBBLE = [1.03, 0.97, 1.0, 1.05, 0.96, 1.02, 0.98, 1.01, 0.95, 1.04, 0.99]
WHO = "ann on laptop"
COLUMNS = ["BilledCost", "EffectiveCost", "BillingCurrency", "ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory",
           "ServiceName", "ResourceId", "ResourceName", "SubAccountId", "Tags", "ConsumedQuantity", "ConsumedUnit",
           "x_SkuMeterName", "x_SkuMeterCategory", "BillingPeriodStart", "BillingPeriodEnd", "BillingAccountId",
           "PricingCategory"]  # fmt: skip
WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers/"
    "Microsoft.MachineLearningServices/workspaces/mlw-llm"
)


def day(number: int) -> date:
    return START + timedelta(days=number)


def at(number: int) -> datetime:
    """The morning after the charges of a day are complete."""
    return datetime.combine(day(number) + timedelta(days=2), datetime.min.time(), UTC) + timedelta(hours=6)


def write(folder: Path, through: int, more: dict[int, float] | None = None, spot_from: int | None = None) -> Path:
    """Charges of one cost centre with two clusters; `more`: dollars a day that the second one costs beside.

    spot_from: a third one costs 110 a day until it moves to spot nodes on that day, and 20 a day from then on.
    """
    folder.mkdir(exist_ok=True)
    with (folder / "charges.csv").open("w", newline="") as file:
        out = csv.DictWriter(file, COLUMNS)
        out.writeheader()
        for n in range(through + 1):
            usual = WEEK[n % 7] * WOBBLE[n % 11]
            costs = [("steady", usual, "steady"), ("gpu", 5 + (more or {}).get(n, 0), "gpu")]
            if spot_from is not None:
                costs.append(("nightly", 20, "NC12s v3 Spot") if n >= spot_from else ("nightly", 110, "NC12s v3"))
            for name, cost, meter in costs:
                first = day(n).replace(day=1)
                after = (first + timedelta(days=32)).replace(day=1)
                out.writerow({
                    "BilledCost": f"{cost:.2f}", "EffectiveCost": f"{cost:.2f}", "BillingCurrency": "USD",
                    "ChargePeriodStart": f"{day(n)}T00:00:00Z", "ChargePeriodEnd": f"{day(n + 1)}T00:00:00Z",
                    "ChargeCategory": "Usage", "ServiceName": "Azure Machine Learning",
                    "ResourceId": f"{WORKSPACE}/computes/{name}", "ResourceName": name,
                    "SubAccountId": "/subscriptions/00000000-0000-0000-0000-000000000001",
                    "Tags": '{"CostCenter": "CC-4300"}', "ConsumedQuantity": f"{cost / 2:.4f}", "ConsumedUnit": "Hours",
                    "x_SkuMeterName": f"meter of {meter}", "x_SkuMeterCategory": "Virtual Machines",
                    "BillingPeriodStart": f"{first}T00:00:00Z", "BillingPeriodEnd": f"{after}T00:00:00Z",
                    "BillingAccountId": "B1", "PricingCategory": "Standard",
                })  # fmt: skip
    return folder


class Desk:
    """A state, its settings, and charges as they come in."""

    def __init__(self, folder: Path, state: State, settings: Settings) -> None:
        self.folder, self.state, self.settings = folder, state, settings
        self.spot_from: int | None = None

    def watch(self, through: int, more: dict[int, float] | None = None, now: datetime | None = None,
              azure: Azure | None = None, **also: Any):  # fmt: skip
        moment = now or at(through)
        source = write(self.folder / "charges", through, more, self.spot_from)
        with charges.load([source], late_hours=24, now=moment) as book:
            return anomalies.watch(azure, book, self.state, self.settings, moment, **also)

    @property
    def subjects(self) -> list[str]:
        return [letter.subject for letter in reversed(self.state.letters.newest())]

    def case(self) -> anomalies.Case:
        [one] = anomalies.cases(self.state)
        return one


@contextmanager
def desk_in(folder: Path) -> Iterator[Desk]:
    settings = Settings.model_validate({"mail": {"outbox": str(folder / "outbox"), "finance": ["finance@contoso.com"]}})
    with State.open(folder / "state.db") as state:
        yield Desk(folder, state, settings)
