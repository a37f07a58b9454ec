"""How things read on the page: amounts, names, dates, kinds of resources and what would be done to them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from babel.numbers import format_currency, get_currency_precision, get_currency_symbol

from finops.approvals import naming

NOTHING = "\N{EM DASH}"
LOCALE = "en_US"
# What the button does, by action; each is followed by the resource's kind and name.
VERBS = {action: verb.capitalize() for action, verb in naming.VERBS.items()}
STATUSES = {
    "found": "Found",
    "asked": "Owner asked",
    "pending": "Waits for a decision",
    "approved": "Approved",
    "scheduled": "Scheduled",
    "quiet": "In its quiet step",
    "acted": "Sent, not confirmed",
    "confirmed": "Done",
    "restored": "Restored",
    "failed": "Failed",
    "denied": "Denied",
    "snoozed": "Snoozed",
    "exempt": "Exempt",
    "expired": "Expired",
    "stale": "Stale",
    "kept": "Kept",
    "gone": "Gone",
}


def amount(value: Decimal | None, currency: str) -> str:
    """ "$1,204.50", to the currency's smallest unit; a dash for what is not known."""
    if value is None:
        return NOTHING
    if not currency:
        return f"{value:,.2f}"
    digits = get_currency_precision(currency)
    space = "\N{NO-BREAK SPACE}" if get_currency_symbol(currency, locale=LOCALE)[-1].isalpha() else ""
    pattern = f"\N{CURRENCY SIGN}{space}#,##0" + ("." + "0" * digits if digits else "")
    return str(format_currency(value, currency, pattern, locale=LOCALE, currency_digits=False))


def group_of(resource_id: str) -> str:
    parts = [part for part in resource_id.split("/") if part]
    return parts[3] if len(parts) > 3 and parts[2].lower() == "resourcegroups" else ""


def day(value: datetime | date | None) -> str:
    """ "3 Aug 2026"."""
    if value is None:
        return NOTHING
    on = value.astimezone(UTC).date() if isinstance(value, datetime) else value
    return f"{on.day} {on:%b %Y}"


def moment(value: datetime | None) -> str:
    """ "3 Aug 2026 08:00 UTC"."""
    return NOTHING if value is None else f"{day(value)} {value.astimezone(UTC):%H:%M} UTC"


def left(until: datetime | None, now: datetime) -> str:
    """How long until then: "in 3 days", "in 5 hours", "over"."""
    if until is None:
        return NOTHING
    rest = until - now
    if rest <= timedelta(0):
        return "over"
    if rest >= timedelta(days=2):
        return f"in {rest.days} days"
    hours = int(rest.total_seconds() // 3600)
    return f"in {hours} hours" if hours > 1 else "within the hour" if hours == 0 else "in an hour"


def value_of(value: Any) -> str:
    """A measured value for people: nothing of JSON's spelling but where it has parts."""
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(value_of(one) for one in value) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {value_of(one)}" for name, one in value.items()) or "none"
    return naming.shown(value)


def starts(text: str) -> str:
    """`text` as the start of a sentence."""
    return text[:1].upper() + text[1:]


FILTERS = {
    "amount": amount,
    "day": day,
    "holder": naming.holder_of,
    "kind": naming.kind_of,
    "left": left,
    "moment": moment,
    "name": naming.name_of,
    "group": group_of,
    "shown": naming.shown,
    "starts": starts,
    "value": value_of,
    "verb": lambda action: VERBS.get(action, action),
    "status": lambda status: STATUSES.get(status, status),
}
