"""How things read on the page: amounts, names, dates, kinds of resources and what would be done to them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from babel.numbers import format_currency, get_currency_precision, get_currency_symbol

NOTHING = "\N{EM DASH}"
LOCALE = "en_US"
KINDS = {
    "onlineendpoints": "online endpoint",
    "deployments": "deployment",
    "batchendpoints": "batch endpoint",
    "computes": "compute",
    "manifests": "container image",
    "versions": "environment version",
    "schedules": "schedule",
    "workspaces": "workspace",
}
# What the button does, by action; each is followed by the resource's kind and name.
VERBS = {
    "stop": "Stop",
    "scaleToZero": "Scale to zero",
    "delete": "Delete",
    "deleteImage": "Delete",
    "archive": "Archive",
    "disable": "Disable",
}
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
# Characters that turn the direction of what follows: https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings
TURNING = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "\ufffd")


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


def name_of(resource_id: str) -> str:
    """The last part of an ARM id, with what it is a part of; an image's repository and the start of its digest."""
    parts = [part for part in resource_id.split("/") if part]
    if not parts:
        return "(no name)"
    if len(parts) > 11:
        return f"{parts[-3]}/{parts[-1]}"
    if parts[-2:-1] == ["manifests"]:
        repository, _, digest = parts[-1].partition("@")
        return f"{repository.replace('~', '/')}@{digest[:19]}" if digest else repository.replace("~", "/")
    return parts[-1]


def kind_of(resource_id: str) -> str:
    """ "online endpoint", "compute"; the last type of the id where it has no word of its own."""
    parts = [part for part in resource_id.split("/") if part]
    kind = parts[-2].lower() if len(parts) > 1 else ""
    return KINDS.get(kind, kind or "resource")


def holder_of(resource_id: str) -> str:
    """The workspace or registry that holds it; "" where there is none."""
    parts = [part for part in resource_id.split("/") if part]
    lower = [part.lower() for part in parts]
    for kind in ("workspaces", "registries"):
        if kind in lower[:-2]:
            return parts[lower.index(kind) + 1]
    return ""


def group_of(resource_id: str) -> str:
    parts = [part for part in resource_id.split("/") if part]
    return parts[3] if len(parts) > 3 and parts[2].lower() == "resourcegroups" else ""


def shown(text: object) -> str:
    """Text of others as it may stand between ours: nothing in it turns the direction of what follows."""
    return str(text).translate(TURNING)


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
    return shown(value)


def starts(text: str) -> str:
    """`text` as the start of a sentence."""
    return text[:1].upper() + text[1:]


FILTERS = {
    "amount": amount,
    "day": day,
    "holder": holder_of,
    "kind": kind_of,
    "left": left,
    "moment": moment,
    "name": name_of,
    "group": group_of,
    "shown": shown,
    "starts": starts,
    "value": value_of,
    "verb": lambda action: VERBS.get(action, action),
    "status": lambda status: STATUSES.get(status, status),
}
