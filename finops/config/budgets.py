"""Settings of budgets and of the watch over what runs now: shapes, units, defaults, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from .addresses import Mailbox, Mailboxes
from .strict import STRICT

_AMOUNT = {"max_digits": 24, "decimal_places": 8, "allow_inf_nan": False}
Amount = Annotated[Decimal, Field(gt=0, **_AMOUNT)]
_EVERY = {"monthly": "month", "quarterly": "quarter", "yearly": "year", "annually": "year"}
Every = Annotated[
    Literal["month", "quarter", "year"],
    BeforeValidator(lambda v: _EVERY.get(v.lower(), v.lower()) if isinstance(v, str) else v),
]
SCOPES = "all, /subscriptions/GUID or deeper, {workspace: NAME}, {group: NAME} or {tag: {CostCenter: CC-4300}}"
THRESHOLDS = "80 (percent spent), {forecast: 100}, {actual_amount: 900} or {forecast_amount: 900}"


class ThresholdSettings(BaseModel):
    """One threshold: of what is spent or of what is forecast, in percent of the budget or as an amount."""

    model_config = STRICT

    on: Literal["actual", "forecast"]
    percent: Annotated[Decimal | None, Field(gt=0, le=1000, decimal_places=2)] = None
    amount: Amount | None = None


class ScopeSettings(BaseModel):
    """What a budget is for. kind: all, subscription, group, workspace or tag."""

    model_config = STRICT

    kind: Literal["all", "subscription", "group", "workspace", "tag"]
    id: str = ""  # an ARM id in lower case, where one was given
    name: str = ""  # of a group or workspace, or the key of a tag
    values: tuple[str, ...] = ()  # of a tag


class EscalateSettings(BaseModel):
    """Who is told where nobody acknowledged an alert."""

    model_config = STRICT

    after_days: Annotated[int, Field(ge=1, le=90, description="Days without an acknowledgement.")] = 2
    to: Annotated[Mailboxes, Field(min_length=1, description="Who is told then.")]


def _threshold(value: Any) -> Any:
    """The short forms of a threshold, each as the same thing at length."""
    if isinstance(value, str) and re.fullmatch(r"\s*[\d.]+\s*%?\s*", value):
        return {"on": "actual", "percent": value.strip().rstrip("% ")}
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return {"on": "actual", "percent": value}
    if isinstance(value, Mapping) and len(value) == 1:
        (name, given), shapes = next(iter(value.items())), {"actual": "percent", "forecast": "percent"}
        on, _, kind = str(name).partition("_")
        if name in shapes:
            return {"on": on, "percent": given.strip().rstrip("% ") if isinstance(given, str) else given}
        if on in shapes and kind == "amount":
            return {"on": on, "amount": given}
    if isinstance(value, Mapping) and "on" in value:
        return value
    raise ValueError(f"this is no threshold; write {THRESHOLDS}")


def _scope(value: Any) -> Any:
    if isinstance(value, str):
        return _scope_of_text(value)
    if isinstance(value, Mapping) and "kind" in value:
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        name, given = next(iter(value.items()))
        if name == "tag" and isinstance(given, Mapping) and len(given) == 1:
            tag, found = next(iter(given.items()))
            values = tuple(str(one) for one in (found if isinstance(found, list) else [found]))
            if str(tag).strip() and values and all(one.strip() for one in values):
                return {"kind": "tag", "name": str(tag), "values": values}
        if name in ("workspace", "group", "resource_group") and isinstance(given, str) and given.strip():
            if given.startswith("/"):
                return _scope_of_text(given)
            return {"kind": "workspace" if name == "workspace" else "group", "name": given.strip().lower()}
        if name == "subscription" and isinstance(given, str) and given.strip():
            return _scope_of_text(given if given.startswith("/") else f"/subscriptions/{given}")
    raise ValueError(f"this is no scope; write {SCOPES}")


def _scope_of_text(text: str) -> dict[str, Any]:
    plain = text.strip().rstrip("/").lower()
    if plain == "all":
        return {"kind": "all"}
    parts = plain.strip("/").split("/")
    if plain.startswith("/subscriptions/") and all(parts):
        if len(parts) == 2:
            return {"kind": "subscription", "id": plain}
        if len(parts) == 4 and parts[2] == "resourcegroups":
            return {"kind": "group", "id": plain, "name": parts[3]}
        if len(parts) == 8 and parts[4:7] == ["providers", "microsoft.machinelearningservices", "workspaces"]:
            return {"kind": "workspace", "id": plain, "name": parts[7]}
    raise ValueError(f"'{text}' is no scope; write {SCOPES}")


Threshold = Annotated[ThresholdSettings, BeforeValidator(_threshold)]


class BudgetSettings(BaseModel):
    """One budget: what for, how much, how often, who is told when."""

    model_config = STRICT

    amount: Annotated[Amount, Field(description="Money for one period, in BillingCurrency units, such as 1000.")]
    scope: Annotated[
        Annotated[ScopeSettings, BeforeValidator(_scope)] | None, Field(description=f"What it is for: {SCOPES}.")
    ] = None
    currency: Annotated[
        str | None, Field(pattern=r"^[A-Z]{3}$", description="BillingCurrency; empty: the one of the charges.")
    ] = None
    every: Annotated[Every, Field(description="month, quarter or year.")] = "month"
    year_starts: Annotated[int, Field(ge=1, le=12, description="Month in which quarters and years begin.")] = 1
    start: Annotated[date | None, Field(description="First day that counts; empty: always.")] = None
    end: Annotated[date | None, Field(description="Last day that counts; empty: always.")] = None
    basis: Annotated[
        Literal["billed", "effective"] | None,
        Field(description="BilledCost (as invoiced) or EffectiveCost (amortised); empty: as report.basis."),
    ] = None
    thresholds: Annotated[list[Threshold], Field(description=f"When to tell: {THRESHOLDS}.")] = [
        ThresholdSettings(on="actual", percent=Decimal(80)),
        ThresholdSettings(on="actual", percent=Decimal(100)),
        ThresholdSettings(on="forecast", percent=Decimal(100)),
    ]
    to: Annotated[Mailboxes, Field(description="Who is told; empty: mail.finance.")] = []
    owner: Annotated[
        Mailbox | None, Field(description="Who decides when it runs out; empty: the first who is told.")
    ] = None
    escalate: Annotated[EscalateSettings | None, Field(description="Who is told where nobody acknowledges.")] = None
    azure_scope: Annotated[
        str | None,
        Field(
            pattern=r"^/",
            description="Where `finops budget sync` keeps it, such as a management group's id; see there.",
        ),
    ] = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start and self.end and self.end < self.start:
            raise ValueError(f"end ({self.end}) lies before start ({self.start})")
        return self


def _short(value: Any) -> Any:
    """`all: 1000` for `all: {amount: 1000}`."""
    is_amount = isinstance(value, (int, float, Decimal, str)) and not isinstance(value, bool)
    return {"amount": value} if is_amount else value


def _each_has_a_scope(budgets: dict[str, BudgetSettings]) -> dict[str, BudgetSettings]:
    """A budget without a scope is for what its name says: all, or an ARM id."""
    found: dict[str, BudgetSettings] = {}
    for name, one in budgets.items():
        if not re.fullmatch(r"[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]{0,119}", name):
            raise ValueError(f"'{name}' is no name; write one line of 1 to 120 characters")
        if one.scope is None:
            try:
                one = one.model_copy(update={"scope": ScopeSettings(**_scope_of_text(name))})
            except ValueError:
                raise ValueError(f"the budget '{name}' has no scope; give it one: {SCOPES}") from None
        found[name] = one
        if name.casefold() == "watch":
            raise ValueError("`finops budget mute watch` mutes the watch; call this budget otherwise")
    if len({name.casefold() for name in found}) < len(found):
        raise ValueError("two budgets have names that differ in case only; give each its own")
    return found


def _named(value: Any) -> Any:
    """YAML reads `{all: 1,000}` as two entries, and a name such as 4300 as a number."""
    for name in value if isinstance(value, Mapping) else ():
        if not isinstance(name, str):
            raise ValueError(f"{name!r} is no name of a budget; put names in quotes, and write 1000 for 1,000")
    return value


Budgets = Annotated[
    dict[str, Annotated[BudgetSettings, BeforeValidator(_short)]],
    BeforeValidator(_named),
    AfterValidator(_each_has_a_scope),
]


class WatchSettings(BaseModel):
    """When what runs now is worth a mail, long before its charges come."""

    model_config = STRICT

    above_usual: Annotated[
        Amount, Field(description="Money a day above what is usual, by list prices in USD, from which to tell.")
    ] = Decimal(100)
    per_day: Annotated[
        Amount | None, Field(description="Money a day from which to tell, usual or not; empty: no such limit.")
    ] = None
    usual_days: Annotated[int, Field(ge=3, le=90, description="Days of our own records that say what is usual.")] = 28
    keep_days: Annotated[int, Field(ge=7, le=730, description="Days for which records are kept.")] = 100
    minutes: Annotated[int, Field(ge=1, le=1440, description="Minutes from one look to the next.")] = 15
    to: Annotated[Mailboxes, Field(description="Who is told; empty: mail.finance.")] = []
