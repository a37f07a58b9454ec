"""The charges behind the report, added up by day, owner, resource, service and kind: the workbook's lines."""

from __future__ import annotations

from finops.charges import Period
from finops.report.gather import ZERO, Asked, Spent, the_day
from finops.report.model import Detail, Details, Money
from finops.report.movers import resource_name
from finops.report.rounding import LONGEST_ID, printable

# About 1.2 MB of workbook, which every mail system still takes (Graph sendMail: attachments under 3 MB).
LONGEST_LIST = 20_000

KEYS = ["Day", "CostCenter", "SubAccountName", "ResourceId", "ResourceName", "ServiceName", "ChargeCategory"]


def details(asked: Asked, period: Period, longest: int = LONGEST_LIST) -> Details:
    """The dearest `longest` lines by day, and the sum of the others."""
    effective, billed = asked.by(KEYS, period, "effective"), asked.by(KEYS, period, "billed")
    nothing = Spent(ZERO, 0)

    def size(key: tuple[str, ...]) -> tuple[object, ...]:
        return (-max(abs(effective.get(key, nothing).cost), abs(billed.get(key, nothing).cost)), key)

    keys = sorted({*effective, *billed}, key=size)
    kept, rest = sorted(keys[:longest]), keys[longest:]
    lines = []
    for key in kept:
        day, centre, subscription, resource_id, name, service, category = key
        in_effect, on_bill = effective.get(key, nothing), billed.get(key, nothing)
        lines.append(
            Detail(
                day=the_day(day),
                cost_centre=printable(centre),
                subscription=printable(subscription),
                resource=resource_name(name, resource_id) if name or resource_id else "",
                resource_id=printable(resource_id, longest=LONGEST_ID),
                service=printable(service),
                category=printable(category),
                effective=Money(in_effect.cost, asked.currency),
                billed=Money(on_bill.cost, asked.currency),
                charges=max(in_effect.charges, on_bill.charges),
            )
        )
    return Details(
        lines=tuple(lines),
        left_out=len(rest),
        left_out_effective=Money(sum((effective.get(key, nothing).cost for key in rest), ZERO), asked.currency),
        left_out_billed=Money(sum((billed.get(key, nothing).cost for key in rest), ZERO), asked.currency),
    )
