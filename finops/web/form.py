"""A form as it was sent: read strictly, and only if this page sent it for this person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

MOST_FIELDS = 500
MOST_ROWS = 200
LONGEST_REASON = 1000
_ROW = re.compile(r"^([1-9][0-9]{0,8}):([0-9A-Za-z:_-]{1,200})$")
_BACK = re.compile(r"^/findings(/[0-9]{1,9})?(\?[ -~]*)?$")


class Wrong(Exception):
    """The form cannot be taken: `status` and a sentence for the person."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


@dataclass(frozen=True)
class Form:
    """Its fields, each with all its values."""

    fields: dict[str, list[str]]

    def text(self, name: str) -> str:
        """The value of a field that is there once, without blanks around it; "" where it is not there."""
        values = self.fields.get(name, [])
        if len(values) > 1:
            raise Wrong(400, f"The form says {len(values)} times what '{name}' is.")
        return values[0].strip() if values else ""

    @property
    def rows(self) -> list[tuple[int, str]]:
        """Number and digest of each row, in order, each once."""
        rows: dict[int, str] = {}
        for value in self.fields.get("row", []):
            found = _ROW.match(value)
            if found is None:
                raise Wrong(400, "A row of the form is not one of this page's.")
            if rows.setdefault(int(found[1]), found[2]) != found[2]:
                raise Wrong(400, f"The form holds finding {found[1]} twice, as two different things.")
        if len(rows) > MOST_ROWS:
            raise Wrong(400, f"The form holds {len(rows)} findings; at most {MOST_ROWS} are decided at once.")
        return list(rows.items())

    @property
    def reason(self) -> str:
        return " ".join(self.text("reason").split())[:LONGEST_REASON]

    @property
    def back(self) -> str:
        return own_path(self.text("back"))

    @property
    def until(self) -> datetime | None:
        """The end of the day that was chosen; None where none was."""
        written = self.text("until")
        try:
            return datetime.combine(date.fromisoformat(written), time.max, UTC) if written else None
        except ValueError as fault:
            raise Wrong(422, f"'{written[:40]}' is no day. Write it as 2026-12-31.") from fault


def form_of(request: Request, body: bytes) -> Form:
    """The form in `body`. What browsers do not send from a form of ours is refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Wrong(415, "A decision is sent by the form of this page.")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as fault:
        raise Wrong(400, "The form cannot be read.") from fault
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value.replace("\0", "\ufffd"))
    return Form(fields)


def refuse_foreign(request: Request) -> None:
    """Refuse what another site's page made the browser send.

    https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Sec-Fetch-Site; "none" is no form of ours either.
    Origin is "null" here, as the pages say no-referrer; where a browser does name one, it must be ours.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "null")
    ours = request.headers.get("host", "").lower()
    if site != "same-origin" or (origin != "null" and _place(origin) != ours):
        raise Wrong(403, "This form was not sent by this page. Nothing was decided.")


def _place(origin: str) -> str:
    """Its host and port, in lower case; "" where it is no address."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def own_path(path: str) -> str:
    """`path` if it is a page of ours, else the list: nobody is led elsewhere."""
    return path if _BACK.match(path) and len(path) < 2000 else "/findings"
