"""One call as it passes through the pipeline: what it may do, until when, and what came back."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

LARGEST_BODY = 64 * 1024 * 1024  # bytes, after decompression


@dataclass
class Call:
    """`doing` names it for people. A `read` changes nothing and may be sent again, whatever its verb.

    patient: a change that waits in here when Azure turns it away, as nothing has to be looked at again before it
    """

    service: str
    budget: str
    scope: str
    doing: str
    read: bool
    deadline: float
    units: float = 1
    patient: bool = False
    exact: bool = False  # numbers with a point become Decimal: money
    raw: bool = False  # the body is not taken for JSON: a layer of an image, a manifest that is compared by its bytes
    acting: bool = False  # goes out as whoever changes Azure
    lost_answers: int = 0  # attempts that Azure may have carried out without our hearing of it
    trail: Counter[int] = field(default_factory=Counter)  # statuses met, 0 where none came back
    answer: Answer | None = None


@dataclass(frozen=True)
class Answer:
    """What came back, read to the end. `json` is None for an empty body, for a refusal and for a raw one.

    acted: it was asked for as whoever changes Azure, and so is its progress.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    json: Any
    acted: bool = False

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)


def parsed(body: bytes, exact: bool) -> Any:
    """The JSON in `body`. ValueError for anything else, NaN and Infinity included: they are no amounts."""
    try:
        return json.loads(body, parse_float=Decimal if exact else _finite, parse_constant=_no_number)
    except RecursionError as fault:
        raise ValueError("nested too deeply") from fault


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number")
