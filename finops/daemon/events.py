"""What Event Grid posts, read strictly: a list of events, in its own schema or as CloudEvents 1.0."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

# Event Grid sends at most 1 MB a request and 5,000 events a batch:
# https://learn.microsoft.com/azure/event-grid/delivery-and-retry#output-batching (2026-11)
LONGEST_BODY = 1024 * 1024
MOST_EVENTS = 5000
LONGEST_ID, LONGEST_NAME, LONGEST_SUBJECT = 200, 200, 2048

# By content type: whether a list or one event comes, and in which schema.
# https://learn.microsoft.com/azure/event-grid/cloud-event-schema, https://github.com/cloudevents/spec/blob/v1.0/json-format.md
OWN, CLOUD, CLOUDS = "application/json", "application/cloudevents+json", "application/cloudevents-batch+json"
KINDS_OF_CONTENT = (OWN, CLOUD, CLOUDS)
VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"


class Garbage(Exception):
    """It is not what Event Grid sends; the text says why, to whoever sent it."""


@dataclass(frozen=True)
class Event:
    """One event as far as we look at it. `operation` is what was done, such as ".../computes/write"; "" if not said."""

    id: str
    kind: str
    subject: str
    topic: str
    at: datetime
    operation: str
    tenant: str
    data: Mapping[str, Any]


def content_of(header: str) -> str | None:
    """The kind of content that a Content-Type names; None for any that Event Grid does not send."""
    kind, _, parameters = header.partition(";")
    charset = parameters.strip().lower().replace('"', "")
    fits = kind.strip().lower() in KINDS_OF_CONTENT and charset in {"", "charset=utf-8"}
    return kind.strip().lower() if fits else None


def events_of(body: bytes, content: str) -> list[Event]:
    """Every event in `body`; Garbage where one of them, or the whole, is not as it must be."""
    if len(body) > LONGEST_BODY:
        raise Garbage(f"It is longer than {LONGEST_BODY} bytes.")
    try:
        sent = json.loads(body.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as fault:
        raise Garbage("It is not JSON.") from fault
    if isinstance(sent, list) != (content != CLOUD):
        raise Garbage("A list of events comes as application/json or a batch, one event as application/cloudevents.")
    found = sent if isinstance(sent, list) else [sent]
    if not 0 < len(found) <= MOST_EVENTS:
        raise Garbage(f"It holds {len(found)} events; at least 1 is sent, and at most {MOST_EVENTS}.")
    return [_event(one, content == OWN) for one in found]


def _event(sent: object, own: bool) -> Event:
    if not isinstance(sent, dict):
        raise Garbage("An event is not an object.")
    kind, at, topic = ("eventType", "eventTime", "topic") if own else ("type", "time", "source")
    if not own and sent.get("specversion") != "1.0":
        raise Garbage("An event is none of CloudEvents 1.0.")
    data = sent.get("data")
    data = data if isinstance(data, dict) else {}
    return Event(
        id=_text(sent, "id", LONGEST_ID, needed=True),
        kind=_text(sent, kind, LONGEST_NAME, needed=True),
        subject=_text(sent, "subject", LONGEST_SUBJECT),
        topic=_text(sent, topic, LONGEST_SUBJECT),
        at=_moment(_text(sent, at, LONGEST_NAME, needed=True)),
        operation=_text(data, "operationName", LONGEST_NAME),
        tenant=_text(data, "tenantId", LONGEST_NAME),
        data=data,
    )


def _text(sent: Mapping[str, Any], name: str, longest: int, needed: bool = False) -> str:
    value = sent.get(name)
    if value is None and not needed:
        return ""
    # isprintable is False for lone surrogates, too, which no database takes.
    if not isinstance(value, str) or len(value) > longest or not value.isprintable() or (needed and not value.strip()):
        raise Garbage(f"The {name} of an event is missing, no text, or too long.")
    return value


def _moment(written: str) -> datetime:
    """Azure writes seven digits of a second and a Z; Python 3.11 reads both, and cuts to six."""
    try:
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as fault:
        raise Garbage("The time of an event is none.") from fault


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
