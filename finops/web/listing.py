"""The list of findings: the amount of all that match, and one page of them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from finops.approvals.counted import counted_with

from .query import ORDERS, Query, query_of, status_choices
from .rows import Row, days, rows_of
from .words import STATUSES
from .words import amount as written

if TYPE_CHECKING:
    from .site import Site


def listing(site: Site, request: Request) -> Response:
    query = query_of(request.query_params)
    person = request.state.signed.person
    size = site.settings.web.page_rows
    now = site.now()
    records, total, amount = site.state.findings.all(
        **query.filters(person), order=query.order, offset=(query.page - 1) * size, limit=size, now=now
    )
    _, ended, _ = site.state.findings.all(status=("expired",), limit=0, now=now)
    # As the report counts: what is asked of one resource saves once, whoever found it.
    apart = counted_with(site.state)
    _, many, again = site.state.findings.all(**query.filters(person), limit=0, now=now, numbers=apart)
    rows = rows_of(records, now, picked=request.query_params.get("pick") == "low")
    currency = next((record.currency for record in records if record.currency), "")
    return site.answer(
        "list.html",
        request,
        rows=rows,
        total=total,
        headline=_headline(amount, again, currency),
        apart=_apart(again, many, currency),
        scope_said=_scope(query, total),
        query=query,
        ended=ended if query == Query() else 0,
        pages=-(-total // size),
        rules=site.state.findings.rules(),
        status_choices=status_choices(),
        order_choices=list(ORDERS.items()),
        may_decide=person.approves and any(row.pickable for row in rows),
        low_here=sum(row.easy for row in rows),
        caption=_caption(rows, query, total, size),
        back=query.link(page=query.page),
        now=now,
        reason="",
        **days(site.settings.janitor, now),
    )


def _headline(amount: Decimal | None, again: Decimal | None, currency: str) -> str:
    if amount is None or again is None:
        return "Amounts in several currencies"
    return f"{written(amount - again, currency)} a month"


def _apart(again: Decimal | None, many: int, currency: str) -> str:
    """What the amount leaves out: the report counts it with another decision."""
    if not again:
        return ""
    return (
        f"{written(again, currency)} a month more counts with what else is asked of the same resource: {many} of them."
    )


def _scope(query: Query, total: int) -> str:
    """ "126 open findings", "1 finding: Denied", with ", filtered" where it is narrowed down further."""
    noun = "finding" if total == 1 else "findings"
    filtered = ", filtered" if query.narrow or query.search else ""
    if query.status == "waiting":
        return f"{total:,} open {noun}{filtered}"
    status = "" if query.status == "all" else f": {STATUSES.get(query.status, query.status)}"
    return f"{total:,} {noun}{status}{filtered}"


def _caption(rows: list[Row], query: Query, total: int, size: int) -> str:
    first = (query.page - 1) * size + 1
    return f"Findings {first:,} to {first + len(rows) - 1:,} of {total:,}, by {ORDERS[query.order].lower()}"
