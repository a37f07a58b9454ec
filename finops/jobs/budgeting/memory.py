"""What is remembered of budgets: what was told, who knows of it, what is muted, which periods are closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.budget import Acknowledged, Alert, Muted, Standing, Told
from finops.budget.alerts import unit_of
from finops.charges import Period

if TYPE_CHECKING:
    from finops.state import State

TOLD, ACKED, MUTED, CLOSED, STANDING = (
    "budget/told/",
    "budget/acked/",
    "budget/muted/",
    "budget/closed/",
    "budget/last/",
)
Json = dict[str, Any]


@dataclass(frozen=True)
class Remembered:
    """Everything of it, read once."""

    told: tuple[Told, ...] = ()
    acks: tuple[Acknowledged, ...] = ()
    muted: tuple[Muted, ...] = ()
    closed: frozenset[str] = frozenset()

    def told_of(self, budget: str, period: Period) -> tuple[Told, ...]:
        start = f"{period.start:%Y-%m-%d}"
        return tuple(one for one in self.told if (one.budget, one.period) == (budget, start))

    def ack_of(self, budget: str, period: Period) -> Acknowledged | None:
        """The newest acknowledgement of what was told of this period."""
        start = f"{period.start:%Y-%m-%d}"
        found = [one for one in self.acks if (one.budget, one.period) == (budget, start)]
        return max(found, key=lambda one: one.at, default=None)

    def mute_of(self, what: str, now: datetime) -> Muted | None:
        return next((one for one in self.muted if one.what == what and now < one.until), None)


def remembered(state: State | None) -> Remembered:
    """What the state holds of budgets; nothing where there is none."""
    if state is None:
        return Remembered()
    kept = state.kept("budget/")
    return Remembered(
        tuple(_told(name.removeprefix(TOLD), value) for name, value in kept.items() if name.startswith(TOLD)),
        tuple(_acked(value) for name, value in kept.items() if name.startswith(ACKED)),
        tuple(_muted(value) for name, value in kept.items() if name.startswith(MUTED)),
        frozenset(name.removeprefix(CLOSED) for name in kept if name.startswith(CLOSED)),
    )


def told_of(alert: Alert, now: datetime) -> tuple[str, Json]:
    """Under which name, and as what, it is kept that an alert was told."""
    standing = alert.standing
    return f"{TOLD}{alert.key}", {
        "budget": standing.budget.name,
        "period": f"{standing.period.start:%Y-%m-%d}",
        "threshold": alert.threshold.key,
        "reached": f"{alert.reached:f}",
        "at": now.isoformat(),
        "unit": unit_of(standing.budget, standing.currency),
    }


def told_again(told: Told) -> tuple[str, Json]:
    """The same once more was told of it: to the second address, or that it is corrected."""
    value = {
        "budget": told.budget,
        "period": told.period,
        "threshold": told.threshold,
        "reached": f"{told.reached:f}",
        "at": told.at.isoformat(),
        "unit": told.unit,
    }
    moments = {"escalated": told.escalated, "corrected": told.corrected}
    return f"{TOLD}{told.key}", value | {name: at.isoformat() for name, at in moments.items() if at}


def closed_key(budget: str, period: Period) -> str:
    return f"{budget}/{period.start:%Y-%m-%d}"


def acknowledge(state: State, budget: str, period: str, who: str, why: str, now: datetime) -> None:
    """Remember that somebody knows of what was told of a budget in the period that began on `period`."""
    value = {"budget": budget, "period": period, "at": now.isoformat(), "who": who, "why": why}
    state.audit(who, "acknowledged the alerts of a budget", f"budget/{budget}", why, value, now)
    state.keep(f"{ACKED}{budget}/{period}", value, now)


def mute(state: State, what: str, until: datetime, who: str, why: str, now: datetime) -> None:
    """Tell nobody of `what` (a budget's name, or "watch") before `until`."""
    value = {"what": what, "until": until.isoformat(), "who": who, "why": why}
    state.audit(who, "muted", f"budget/{what}", why, value, now)
    state.keep(f"{MUTED}{what}", value, now)


def unmute(state: State, what: str, who: str, now: datetime) -> bool:
    """Whether it was muted and is no more."""
    kept = state.kept(f"{MUTED}{what}").get(f"{MUTED}{what}")
    if kept is None:
        return False
    state.audit(who, "ended the mute", f"budget/{what}", "", kept, now)
    state.drop(f"{MUTED}{what}")
    return True


def keep_standing(state: State, standing: Standing, now: datetime) -> None:
    """Keep where a budget stands, for the watch, which looks more often than charges come."""
    state.keep(
        f"{STANDING}{standing.budget.name}",
        {
            "start": standing.period.start.isoformat(),
            "end": standing.period.end.isoformat(),
            "amount": f"{standing.budget.amount:f}",
            "spent": f"{standing.spent:f}",
            "known": f"{standing.known:f}",
            "currency": standing.currency,
            "until": (standing.until or now).isoformat(),
        },
        now,
    )


def _told(key: str, value: Json) -> Told:
    return Told(
        key=key,
        budget=value["budget"],
        period=value["period"],
        threshold=value["threshold"],
        reached=Decimal(value["reached"]),
        at=datetime.fromisoformat(value["at"]),
        escalated=datetime.fromisoformat(value["escalated"]) if value.get("escalated") else None,
        unit=value.get("unit", ""),
        corrected=datetime.fromisoformat(value["corrected"]) if value.get("corrected") else None,
    )


def _acked(value: Json) -> Acknowledged:
    at = datetime.fromisoformat(value["at"])
    return Acknowledged(value["budget"], value["period"], at, value["who"], value["why"])


def _muted(value: Json) -> Muted:
    return Muted(value["what"], datetime.fromisoformat(value["until"]), value["why"], value["who"])
