"""What one unit of work costs, and how much of what is paid for works: each known, or not known with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from finops.report.model.lines import Money


@dataclass(frozen=True)
class Unit:
    """A cost per unit: cost / quantity. value is None where one of them is not known; `why` says so."""

    name: str  # "Standard_NC24ads_A100_v4, spot"; a deployment
    per: str  # "GPU-hour", "completed job", "1,000 predictions"
    value: Money | None
    cost: Money | None
    quantity: Decimal | None
    why: str
    figure: str
    before: Money | None = None  # the value of the period before
    detail: str = ""


@dataclass(frozen=True)
class Share:
    """A part in percent of a whole, such as node-hours on spot."""

    name: str
    percent: Decimal | None
    part: Decimal | None
    whole: Decimal | None
    unit: str  # "node-hours"
    why: str
    figure: str


@dataclass(frozen=True)
class Units:
    """AML unit costs of the period, in the report's basis."""

    gpu_hours: tuple[Unit, ...]  # by SKU and priority
    no_gpu_hours: str  # why there are none; empty when there are
    spot: Share
    idle: Share
    per_job: Unit
    predictions: tuple[Unit, ...]  # by deployment
    no_predictions: str

    @property
    def any_known(self) -> bool:
        units = [*self.gpu_hours, self.per_job, *self.predictions]
        return any(unit.value for unit in units) or any(one.percent is not None for one in (self.spot, self.idle))


__all__ = ["Share", "Unit", "Units"]
