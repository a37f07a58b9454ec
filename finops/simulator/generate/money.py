"""What is paid for other than usage: the billing account, commitments, purchases, a refund, a marketplace product."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from finops.simulator import meters
from finops.simulator.clock import moment_of
from finops.simulator.generate.bodies import guid
from finops.simulator.generate.draft import DAY, Draft
from finops.simulator.store import Json

MONTHS_AHEAD = 12
RESERVED = ("Standard_DS3_v2", "eastus")


def account(draft: Draft) -> Json:
    """A Microsoft Customer Agreement, as its ids look."""
    billing = (
        f"/providers/Microsoft.Billing/billingAccounts/{guid(draft.key, 'account')}:{guid(draft.key, 'org')}_2019-05-31"
    )
    profile = f"{billing}/billingProfiles/CNTS-AIML-BG7-PGB"
    return {
        "billingAccountId": billing,
        "billingAccountName": "Contoso",
        "billingProfileId": profile,
        "billingProfileName": "Contoso AI",
        "invoiceSectionId": f"{profile}/invoiceSections/AIML-7Q3R-PJA-PGB",
        "invoiceSectionName": "Machine learning",
        "accountName": None,
        "accountOwner": None,
        "currency": "USD",
    }


def commit(draft: Draft, scale: int) -> None:
    """A reservation and a savings plan, and the purchases of every month. `scale` is 1 for a small estate."""
    order, plan = guid(draft.key, "reservation"), guid(draft.key, "savings plan")
    count, hourly = 10 * scale, Decimal("1.15") * scale
    life = draft.world.life
    life.commitments = [
        {
            "id": f"/providers/Microsoft.Capacity/reservationOrders/{order}/reservations/{guid(order)}",
            "name": "VM_RI_02-03-2026_09-14",
            "kind": "Reservation",
            "size": RESERVED[0],
            "region": RESERVED[1],
            "count": count,
            "priceShare": "0.593",
            "term": 12,
        },
        {
            "id": f"/providers/Microsoft.BillingBenefits/savingsPlanOrders/{plan}/savingsPlans/{guid(plan)}",
            "name": "Compute_SP_03-11-2026_15-40",
            "kind": "Savings plan",
            "hourly": str(hourly),
            "region": RESERVED[1],
            "priceShare": "0.727",
            "term": 36,
        },
    ]
    reserved = (meters.vm(*RESERVED, spot=False).price * Decimal("0.593")).quantize(Decimal("0.000001"))
    for month in _months(draft):
        life.purchases += [
            _purchase(
                month + 25 * DAY + 554, life.commitments[0], reserved * 730 * count, "1 Year", "Reserved VM Instance"
            ),
            _purchase(month + 23 * DAY + 940, life.commitments[1], hourly * 730, "3 Years", "Compute savings plan"),
            _marketplace(draft, month + 20 * DAY + 60, Decimal("1180")),
        ]
    life.purchases.append(_refund(draft, draft.as_of // DAY * DAY - 19 * DAY + 610))
    life.purchases.sort(key=lambda purchase: (purchase["at"], purchase["id"]))


def _months(draft: Draft) -> list[int]:
    """The first minute of each month from before the start to a year after."""
    moment = moment_of(draft.start).replace(day=1, hour=0, minute=0)
    months = []
    for _ in range(MONTHS_AHEAD + 5):
        months.append(int(moment.timestamp()) // 60)
        moment = moment.replace(year=moment.year + moment.month // 12, month=moment.month % 12 + 1)
    return months


def _meter(category: str, subcategory: str, name: str, price: Decimal, service_category: str) -> Json:
    return {
        "category": category,
        "subcategory": subcategory,
        "name": name,
        "unit": "1",
        "price": str(price),
        "per": 1,
        "region": "",
        "service_category": service_category,
    }


def _columns(category: str, frequency: str, **more: Any) -> Json:
    return {
        "ChargeCategory": category,
        "ChargeFrequency": frequency,
        "RegionId": None,
        "RegionName": None,
        "SubAccountId": None,
        "SubAccountName": None,
        "SubAccountType": None,
        "x_SkuRegion": None,
        **more,
    }


def _purchase(at: int, commitment: Json, cost: Decimal, term: str, product: str) -> Json:
    """One monthly payment of a commitment: billed now, effective hour by hour where it is used."""
    spend = commitment["kind"] == "Savings plan"
    category = "Savings Plan" if spend else "Virtual Machines"
    return {
        "at": f"{moment_of(at):%Y-%m-%dT%H:%M:%SZ}",
        "id": commitment["id"],
        "count": 1,
        "meter": _meter(category, "Commitment", f"{product}, {term}", cost, "Compute"),
        "prices": {"x_EffectiveUnitPrice": "0"},
        "columns": _columns(
            "Purchase",
            "Recurring",
            ChargeDescription=f"{product}, {term}, paid monthly",
            CommitmentDiscountCategory="Spend" if spend else "Usage",
            CommitmentDiscountId=commitment["id"],
            CommitmentDiscountName=commitment["name"],
            CommitmentDiscountType=commitment["kind"],
            x_SkuTerm=str(commitment["term"]),
        ),
    }


def _marketplace(draft: Draft, at: int, cost: Decimal) -> Json:
    group = f"/subscriptions/{guid(draft.key, 'prod')}/resourceGroups/rg-monitoring-prod"
    return {
        "at": f"{moment_of(at):%Y-%m-%dT%H:%M:%SZ}",
        "id": f"{group}/providers/Microsoft.SaaS/resources/experiment-tracker",
        "count": 1,
        "tags": {"CostCenter": "platform", "Environment": "prod"},
        "meter": _meter("SaaS", "Experiment tracker", "Team plan", cost, "AI and Machine Learning"),
        "prices": {},
        "columns": {
            "ChargeCategory": "Purchase",
            "ChargeFrequency": "Recurring",
            "ChargeDescription": "Experiment tracker - Team plan - monthly",
            "InvoiceIssuerName": "Microsoft",
            "PublisherName": "Northwind Experiments Inc.",
            "x_PublisherCategory": "Vendor",
            "x_SkuIsCreditEligible": "false",
            "RegionId": None,
            "RegionName": None,
        },
    }


def _refund(draft: Draft, at: int) -> Json:
    """Money back for a reservation that was returned: a negative charge which corrects an invoiced one."""
    returned = f"/providers/Microsoft.Capacity/reservationOrders/{guid(draft.key, 'returned')}"
    return {
        "at": f"{moment_of(at):%Y-%m-%dT%H:%M:%SZ}",
        "id": f"{returned}/reservations/{guid(draft.key, 'returned', 1)}",
        "count": -1,
        "meter": _meter(
            "Virtual Machines", "Commitment", "Reserved VM Instance refund", Decimal("412.333333"), "Compute"
        ),
        "prices": {"x_EffectiveUnitPrice": "0"},
        "columns": _columns(
            "Purchase",
            "One-Time",
            ChargeClass="Correction",
            ChargeDescription="Refund: Reserved VM Instance, Standard_D4s_v3, East US",
        ),
    }
