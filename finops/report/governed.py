"""What does not follow a policy, is exempt from it, or has no cost centre; each with what it cost in the period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from finops.charges import Period
from finops.charges.book import added
from finops.errors import DataError
from finops.estate.ids import key as id_of
from finops.estate.ids import scopes
from finops.exemptions import Listed
from finops.report.gather import ZERO, Asked
from finops.report.known import Verdicts
from finops.report.model import UNTAGGED, Broken, Compliance, Exempt, Exemptions, Money
from finops.report.rounding import printable

ROWS = 8
OWNER = "Tags.Owner"


class Costs:
    """What each of some scopes cost in a period, with everything below it; asked once for all of them."""

    def __init__(self, asked: Asked, period: Period, wanted: Collection[str]) -> None:
        self._sums: dict[str, list[Decimal]] = defaultdict(list)
        self._by_id: dict[str, tuple[Decimal, frozenset[str]]] = {}
        names = {id_of(scope) for scope in wanted}
        subscriptions = {"/".join(name.split("/")[:3]) for name in names}
        if not names:
            return
        where = {"SubAccountId": sorted(subscriptions)} if all(subscriptions) else None
        for (resource_id, account), spent in asked.by(["ResourceId", "SubAccountId"], period, where=where).items():
            held = frozenset(scope for scope in (*scopes(resource_id), account) if scope in names)
            if held:
                earlier, _ = self._by_id.get(resource_id, (Decimal(0), held))
                self._by_id[resource_id] = (earlier + spent.cost, held)
                for scope in held:
                    self._sums[scope].append(spent.cost)

    def of(self, scope: str) -> Decimal:
        return added(self._sums.get(id_of(scope), []))

    def of_any(self, wanted: Iterable[str]) -> Decimal:
        """What is under at least one of the scopes, each charge once."""
        names = {id_of(scope) for scope in wanted}
        return added(cost for cost, held in self._by_id.values() if held & names)

    def has(self, scope: str) -> bool:
        """Whether anything under the scope was charged."""
        return id_of(scope) in self._sums


def compliance(asked: Asked, period: Period, verdicts: Verdicts | None) -> Compliance | None:
    """Azure Policy's word on what is charged to the reader: for one cost centre, on what bears its charges."""
    if verdicts is None:
        return None
    bad = {id_of(one) for ids in verdicts.broken.values() for one in ids}
    costs = Costs(asked, period, bad)
    if asked.share is not None:
        bad = {one for one in bad if costs.has(one)}
    rows = []
    for policy, ids in verdicts.broken.items():
        mine = {id_of(one) for one in ids} & bad
        if mine:
            cost = Money(costs.of_any(mine), asked.currency)
            rows.append(Broken(printable(policy, longest=120), len(mine), cost, f"compliance/{policy}"))
    whole = verdicts.resources if asked.share is None else 0
    percent = Decimal(100 * (whole - len(bad))) / whole if whole else None
    return Compliance(
        as_of=verdicts.as_of,
        resources=whole,
        non_compliant=len(bad),
        percent=percent.quantize(Decimal("0.1")) if percent is not None else None,
        cost=Money(costs.of_any(bad), asked.currency),
        rows=tuple(
            sorted(rows, key=lambda row: (-(row.cost.amount if row.cost else Decimal(0)), -row.resources, row.policy))
        ),
        gaps=verdicts.gaps,
    )


def exemptions(asked: Asked, period: Period, listed: Iterable[Listed] | None, now: datetime) -> Exemptions | None:
    """The exemptions with what they keep; for one cost centre, those that keep something of its own."""
    if listed is None:
        return None
    found = list(listed)
    costs = Costs(asked, period, [one.exemption.scope for one in found])
    if asked.share is not None:
        found = [one for one in found if costs.has(one.exemption.scope)]
    rows = [
        Exempt(
            scope=printable(one.exemption.scope, longest=300),
            name=printable(one.exemption.scope.rstrip("/").rpartition("/")[2]),
            rules=one.exemption.rules,
            owner=printable(one.exemption.owner),
            reason=printable(one.exemption.reason, longest=160),
            until=one.exemption.until,
            status=one.status,
            cost=Money(costs.of(one.exemption.scope), asked.currency),
            figure=f"exemption/{number}",
        )
        for number, one in enumerate(found, 1)
    ]
    holding = [one.exemption.scope for one in found if one.exemption.holds(now)]
    return Exemptions(
        rows=tuple(rows),
        cost=Money(costs.of_any(holding), asked.currency),
        expiring=sum(one.status == "expiring" for one in found),
        expired=sum(one.status == "expired" for one in found),
    )


def owned(owners: Mapping[str, str], resource_id: str) -> str:
    """Who owns a resource, or what it lies in; "" nobody is known."""
    return next((owners[scope] for scope in scopes(resource_id) if scope in owners), "")


def without_centre(asked: Asked, period: Period) -> dict[str, tuple[str, Decimal]]:
    """What has no cost centre: the Owner tag that most of its cost has, where charges hold that tag, and its cost."""
    where = {"CostCenter": [UNTAGGED]}
    try:
        rows = asked.by(["ResourceId", OWNER], period, where=where)
    except DataError:  # Cost Management was not asked for it
        rows = {(name, UNTAGGED): spent for (name,), spent in asked.by(["ResourceId"], period, where=where).items()}
    found: dict[str, tuple[str, Decimal]] = {}
    for (resource_id, owner), spent in sorted(rows.items(), key=lambda item: item[1].cost):
        _, earlier = found.get(resource_id, ("", ZERO))
        found[resource_id] = ("" if owner == UNTAGGED else owner, earlier + spent.cost)
    return found
