"""What costs, and what moved: lines of tables, resources, and the parts of a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from finops.report.model.planned import Budgeted


UNTAGGED = "(untagged)"

Role = Literal["part", "other", "untagged", "total"]
Tone = Literal["bad", "watch", "good", "plain"]
EffectKind = Literal["quantity", "price", "mix", "new", "gone", "purchase", "credit", "not split"]
Lasts = Literal["structural", "temporary", "not known"]


@dataclass(frozen=True)
class Money:
    """An amount in units of `currency` (ISO 4217)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Line:
    """What one cost centre, service or resource cost: in the period, in the one before, in the month so far."""

    key: str
    name: str
    role: Role
    cost: Money
    before: Money | None
    change: Money | None
    percent: Decimal | None  # change in percent of before; None where that base is too small to say anything
    month: Money | None
    charges: int
    shown_cost: Money
    shown_change: Money | None
    shown_month: Money | None
    figure: str = ""  # its id: "cost-centre/CC-4300"; "/change", "/month" and "/forecast" behind it for the others
    forecast: Money | None = None  # the mean of where its month ends; means add up
    shown_forecast: Money | None = None
    budget: Budgeted | None = None  # of its month
    bought: bool = False  # it cost something in one of the two periods alone, by purchases: neither new nor gone

    @property
    def is_one(self) -> bool:
        return self.role in {"part", "untagged"}

    @property
    def is_new(self) -> bool:
        return self._is_in_one and self.cost.amount != 0

    @property
    def is_gone(self) -> bool:
        return self._is_in_one and self.cost.amount == 0

    @property
    def _is_in_one(self) -> bool:
        """Whether it cost something in just one of the periods, and was used there."""
        was = self.before is not None and self.before.amount != 0
        return self.is_one and self.before is not None and was != (self.cost.amount != 0) and not self.bought


@dataclass(frozen=True)
class Table:
    """Lines for the mail (the dearest, then "Other", then what has no owner), all of them, and their total."""

    rows: tuple[Line, ...]
    all: tuple[Line, ...]
    total: Line

    @property
    def with_total(self) -> tuple[Line, ...]:
        return (*self.rows, self.total)


@dataclass(frozen=True)
class Effect:
    """One part of a change, in money. kind: price and quantity of what was used in both periods, mix for the shift
    between SKUs or priorities at the same work; new and gone; purchase for what is bought ahead; credit for credits,
    taxes, refunds and corrections; and "not split" where the charges state no quantity, or none that can be compared:
    it is never guessed at."""

    kind: EffectKind
    amount: Money
    shown: Money  # adds up to the shown change
    figure: str = ""


@dataclass(frozen=True)
class Shift:
    """One meter or SKU on one side of a change: how much of it at which price, before and now."""

    name: str
    unit: str
    quantity_before: Decimal | None
    quantity: Decimal | None
    price_before: Decimal | None
    price: Decimal | None
    before: Money
    cost: Money


@dataclass(frozen=True)
class Effects:
    """Why a cost changed: parts that add up exactly to the change, and whether it lasts.

    lasts: "structural" when it will stay as things are, "temporary" when it has passed or will; "not known" while the
    days are too few to say. why: the observation behind that word.
    """

    parts: tuple[Effect, ...]
    lasts: Lasts
    why: str
    shifts: tuple[Shift, ...] = ()

    def of(self, kind: EffectKind) -> Effect | None:
        return next((part for part in self.parts if part.kind == kind), None)


@dataclass(frozen=True)
class Mover:
    """A resource whose cost changed."""

    name: str
    resource_id: str
    service: str
    cost_centre: str
    cost: Money
    before: Money
    change: Money
    percent: Decimal | None
    is_new: bool
    is_gone: bool
    workspace: str
    subscription: str
    label: str  # its name, and its workspace or resource group where several are called so
    figure: str = ""
    effects: Effects | None = None
    bought: bool = False  # its change is of purchases alone: what is not bought again is not gone


@dataclass(frozen=True)
class Driver:
    """A cost centre that moved, the resources that moved it most, and what its other resources did together."""

    line: Line
    resources: tuple[Mover, ...]
    has_others: bool
    rest: Money
    effects: Effects | None = None


@dataclass(frozen=True)
class Movers:
    """Who moved the total: drivers, then everything else together. `minor`: changes below it are not named.

    moved: how many cost centres changed. Without drivers the change is spread over them: none explains a tenth.
    """

    drivers: tuple[Driver, ...]
    everything_else: Money
    nothing_above_minor_elsewhere: bool
    minor: Money
    moved: int
    bars: tuple[Line, ...]
    all: tuple[Mover, ...]
    effects: Effects | None = None  # of the whole change
    by_centre: Mapping[str, Effects] = field(default_factory=dict)  # of every cost centre that moved; they add up


@dataclass(frozen=True)
class Category:
    """One ChargeCategory in both cost bases: the way from this report to the invoice."""

    name: str
    effective: Money
    billed: Money


@dataclass(frozen=True)
class Detail:
    """Charges of one day, owner, resource, service and kind, added up."""

    day: date
    cost_centre: str
    subscription: str
    resource: str
    resource_id: str
    service: str
    category: str
    effective: Money
    billed: Money
    charges: int


@dataclass(frozen=True)
class Details:
    """The dearest details, and what was left out of them so that the list stays a list people can open."""

    lines: tuple[Detail, ...]
    left_out: int  # charges
    left_out_effective: Money
    left_out_billed: Money
