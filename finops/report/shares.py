"""What is known, for one cost centre: its claims, requests, clusters and deployments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from finops.charges.book import added
from finops.estate.ids import key as id_of
from finops.estate.ids import scopes, subscription_of
from finops.report.foreseeing import foreseen, lasting
from finops.report.gather import Asked, Basis
from finops.report.known import Known, Work
from finops.report.model import UNTAGGED

if TYPE_CHECKING:
    from finops.charges import Charges


def centres_of(book: Charges, ids: Collection[str], basis: Basis, currency: str) -> dict[str, str]:
    """The cost centre that bears most of each resource's charges, with all below it; "(untagged)" where none does.

    Each resource is of exactly one, so that what is known of several cost centres adds up to what is known of all.
    """
    wanted = {id_of(one) for one in ids}
    if not wanted:
        return {}
    sums: dict[str, dict[str, list[Decimal]]] = defaultdict(lambda: defaultdict(list))
    where = {"SubAccountId": sorted({f"/subscriptions/{subscription_of(one)}" for one in wanted})}
    found = Asked(book, basis, currency).by(["ResourceId", "CostCenter"], book.span, where=where)
    for (resource_id, centre), spent in found.items():
        for scope in scopes(resource_id):
            if scope in wanted:
                sums[scope][centre].append(abs(spent.cost))
    return {
        one: max(sums[one], key=lambda centre: (added(sums[one][centre]), centre)) if one in sums else UNTAGGED
        for one in wanted
    }


def share_of(
    known: Known, book: Charges, share: str, basis: Basis, currency: str, through: date | None = None
) -> Known:
    """`known` without what belongs to other cost centres."""
    work = known.work
    ids = [one.resource_id for one in known.claims] + [one.resource_id for one in known.requests]
    if work:
        ids += [one.resource_id for one in work.nodes] + [one.resource_id for one in work.predictions]
    centres = centres_of(book, ids, basis, currency)

    def ours(resource_id: str) -> bool:
        return centres.get(id_of(resource_id), UNTAGGED) == share

    outlook, why = None, known.no_outlook
    if known.outlook:
        outlook, why = foreseen(book, basis, currency, through, share, known.strange)
    outlook, goes_on = lasting(outlook, known.strange, book, basis, currency, share)
    return replace(
        known,
        claims=tuple(one for one in known.claims if ours(one.resource_id)),
        requests=tuple(one for one in known.requests if ours(one.resource_id)),
        work=_work(work, centres, share) if work else None,
        outlook=outlook,
        no_outlook=why,
        goes_on=goes_on,
    )


def _work(work: Work, centres: Mapping[str, str], share: str) -> Work:
    return replace(
        work,
        nodes=tuple(one for one in work.nodes if centres[id_of(one.resource_id)] == share),
        predictions=tuple(one for one in work.predictions if centres[id_of(one.resource_id)] == share),
        jobs_completed=None,
        why_no_jobs="not known for one cost centre: jobs do not say whose they are",
    )
