"""What the list is asked for: filters, order and page, read from the address and written back into it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from finops.approvals import STATUSES, Person

from .words import STATUSES as NAMES

ORDERS = {
    "amount": "Amount",
    "expires": "Expiry",
    "age": "Age",
    "changed": "Last changed",
    "owner": "Owner",
    "rule": "Rule",
    "name": "Name",
}
GROUPS = {"waiting": "Open: asked or waiting", "all": "Any status"}
WAITING = frozenset({"asked", "pending"})
LONGEST = 250  # characters of a filter
LAST_PAGE = 1_000_000


@dataclass(frozen=True)
class Query:
    search: str = ""
    status: str = "waiting"
    order: str = "amount"
    rule: str = ""
    risk: str = ""
    owner: str = ""
    workspace: str = ""
    page: int = 1

    @property
    def narrow(self) -> bool:
        """Whether one of the further filters is set."""
        return bool(self.rule or self.risk or self.owner or self.workspace)

    def filters(self, person: Person) -> dict[str, Any]:
        """The arguments of `state.findings.all` that narrow it down."""
        return {
            "status": statuses(self.status),
            "rule": self.rule,
            "risk": self.risk,
            "owner": owners(self.owner, person),
            "workspace": self.workspace,
            "search": self.search,
        }

    def link(self, page: int = 1, pick: str = "") -> str:
        """The address of this list at `page`; what is as by default is left out."""
        names = {"search": "q"}
        usual = asdict(Query())
        values = {names.get(k, k): v for k, v in asdict(replace(self, page=page)).items() if v != usual[k]}
        if pick:
            values["pick"] = pick
        return f"/findings?{urlencode(values)}" if values else "/findings"


def query_of(parameters: QueryParams) -> Query:
    """The query of an address. What it cannot mean is taken as if it had been left out."""

    def text(name: str) -> str:
        return parameters.get(name, "").replace("\0", "").strip()[:LONGEST]

    status, order, risk, page = text("status"), text("order"), text("risk"), text("page")
    return Query(
        search=text("q"),
        status=status if status in GROUPS or status in STATUSES else "waiting",
        order=order if order in ORDERS else "amount",
        rule=text("rule"),
        risk=risk if risk in {"low", "high"} else "",
        owner=text("owner"),
        workspace=text("workspace"),
        page=max(1, min(int(page), LAST_PAGE)) if page.isascii() and page.isdigit() and len(page) < 10 else 1,
    )


def statuses(chosen: str) -> Collection[str]:
    if chosen == "all":
        return ()
    return WAITING if chosen == "waiting" else {chosen}


def owners(chosen: str, person: Person) -> Collection[str]:
    """The spellings of an owner that are meant: "me" is the reader, "nobody" those without."""
    if chosen.lower() == "me":
        return {person.email, person.oid} - {""}
    if chosen.lower() == "nobody":
        return {""}
    return {chosen} if chosen else ()


def status_choices() -> list[tuple[str, str]]:
    return [*GROUPS.items(), *((status, NAMES.get(status, status)) for status in STATUSES)]
