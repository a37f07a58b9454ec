"""The charges behind the report, added up by day, owner, resource, service and kind: the workbook's lines."""

from __future__ import annotations

from collections.abc import Mapping

from finops.charges import Period
from finops.report.gather import ZERO, Asked, Basis, Spent, the_day
from finops.report.missing import subscription_name
from finops.report.model import Detail, Details, Money
from finops.report.movers import resource_name
from finops.report.rounding import LONGEST_ID, printable

# About 1.2 MB of workbook, which every mail system still takes (Graph sendMail: attachments under 3 MB).
LONGEST_LIST = 20_000
# An estate of a million resources has seven million lines a week: only the dearest resources are asked for lines.
RESOURCES = 2_000

KEYS = ["Day", "CostCenter", "SubAccountName", "SubAccountId", "ResourceId", "ResourceName", "ServiceName"]
KEYS += ["ChargeCategory"]


def details(
    asked: Asked,
    period: Period,
    names: Mapping[str, str],
    longest: int = LONGEST_LIST,
    resources: int = RESOURCES,
) -> Details:
    """The dearest `longest` lines of the dearest resources by day, and the sum of all others.

    names: of subscriptions, by id.
    """
    dearest = asked.dearest("ResourceId", period, resources)
    where = {"ResourceId": sorted(dearest)} if len(dearest) >= resources else None
    both = asked.both(KEYS, period, where)
    effective, billed = both["effective"], both["billed"]
    nothing = Spent(ZERO, 0)

    def size(key: tuple[str, ...]) -> tuple[object, ...]:
        return (-max(abs(effective.get(key, nothing).cost), abs(billed.get(key, nothing).cost)), key)

    kept = sorted(sorted({*effective, *billed}, key=size)[:longest])
    lines = []
    for key in kept:
        day, centre, subscription, account, resource_id, name, service, category = key
        in_effect, on_bill = effective.get(key, nothing), billed.get(key, nothing)
        lines.append(
            Detail(
                day=the_day(day),
                cost_centre=printable(centre),
                subscription=printable(subscription) or subscription_name(account, names),
                resource=resource_name(name, resource_id) if name or resource_id else "",
                resource_id=printable(resource_id, longest=LONGEST_ID),
                service=printable(service),
                category=asked.kind(category),
                effective=Money(in_effect.cost, asked.currency),
                billed=Money(on_bill.cost, asked.currency),
                charges=max(in_effect.charges, on_bill.charges),
            )
        )
    return Details(
        lines=tuple(lines),
        left_out=asked.charges(period) - sum(line.charges for line in lines),
        left_out_effective=_rest(asked, period, "effective", lines),
        left_out_billed=_rest(asked, period, "billed", lines),
    )


def _rest(asked: Asked, period: Period, basis: Basis, lines: list[Detail]) -> Money:
    listed = sum(((line.effective if basis == "effective" else line.billed).amount for line in lines), ZERO)
    return Money(asked.total(period, basis) - listed, asked.currency)
