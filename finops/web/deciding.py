"""Takes a decision from a form to the desk, and tells what became of each row. Nothing else of the site acts."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from finops.approvals import Answer, is_high, over
from finops.state import Record

from .form import Form, Wrong
from .one import shown_one
from .rows import Row, days

if TYPE_CHECKING:
    from .people import SignedIn
    from .site import Site

DECISIONS = {"approve": "Approved", "deny": "Denied", "snooze": "Snoozed", "exempt": "Exempt"}
ANSWERS = {"keep": "Noted: you need it", "go": "Noted: you do not need it"}  # of the owner
NEED_REASON = {"deny", "snooze", "exempt", "keep"}
NEED_END = {"snooze", "exempt"}
NEED_FRESH = {"approve", "exempt", "go"}  # what brings the change nearer, or takes the finding out of its rule


def decide(site: Site, request: Request, form: Form) -> Response:
    signed: SignedIn = request.state.signed
    action = form.text("action")
    if action not in DECISIONS and action not in ANSWERS:
        raise Wrong(422, "The form does not say what is to be done. Nothing was decided.")
    if action in DECISIONS and not signed.person.approves:
        raise Wrong(403, "You may look, but not decide: that takes the role of an approver. Nothing was decided.")
    rows = form.rows
    if not rows:
        raise Wrong(422, "Nothing was selected. Nothing was decided.")
    if form.text("from") != "list" and len(rows) > 1:
        raise Wrong(400, "The page of one finding decides on one finding.")
    problem, status = _problem(site, form, action, signed)
    if problem:
        return _again(site, request, form, rows, problem, status)
    apart = _apart(site, rows) if form.text("from") == "list" else []
    kept = {answer.number for answer in apart}
    answers = apart + _decided(site, form, action, signed, [row for row in rows if row[0] not in kept])
    return _told(site, request, form, action, sorted(answers, key=lambda answer: answer.number))


def _problem(site: Site, form: Form, action: str, signed: SignedIn) -> tuple[str, int]:
    """Why the form is shown again before anything is tried, and the status of that answer; "" where it is not."""
    if action in NEED_REASON and not form.reason:
        return "Give a reason: others read it. Nothing was decided.", HTTPStatus.UNPROCESSABLE_ENTITY
    if action in NEED_END and form.until is None:
        return "Give the day until which it is left alone. Nothing was decided.", HTTPStatus.UNPROCESSABLE_ENTITY
    stale = site.door.stale(signed) if action in NEED_FRESH else ""
    return (f"{stale} Nothing was decided.", HTTPStatus.FORBIDDEN) if stale else ("", HTTPStatus.OK)


def _apart(site: Site, rows: list[tuple[int, str]]) -> list[Answer]:
    """A refusal for each row of high risk: the list decides on none of them, not even on one alone."""
    found = []
    for number, _ in rows:
        record = _record(site, number)
        if record is not None and is_high(record):
            found.append(Answer(number, False, "It is of high risk: decide on its own page, where you see why."))
    return found


def _decided(site: Site, form: Form, action: str, signed: SignedIn, rows: list[tuple[int, str]]) -> list[Answer]:
    desk, person, now, reason = site.desk, signed.person, site.now(), form.reason
    if not rows:
        return []
    if action == "approve":
        return desk.approve(rows, person, now, reason)
    if action == "deny":
        return desk.deny(rows, person, now, reason)
    if action == "snooze":
        return desk.snooze(rows, person, now, form.until, reason)
    if action == "exempt":
        return desk.exempt(rows, person, now, form.until, reason)
    return desk.answer_as_owner(rows, person, now, action == "keep", reason, form.until)


def _told(site: Site, request: Request, form: Form, action: str, answers: list[Answer]) -> Response:
    """200 where anything was done; 409 where all was refused, and is shown as it is now."""
    done = [answer for answer in answers if answer.ok]
    refused = [answer for answer in answers if not answer.ok]
    if form.text("from") != "list" and refused:
        record = _record(site, refused[0].number)
        if record is None:
            raise Wrong(404, refused[0].said)
        return shown_one(site, request, record, problem=refused[0].said, form=form, status=HTTPStatus.CONFLICT)
    word = {**DECISIONS, **ANSWERS}[action]
    heading = word if len(answers) == 1 and done else f"{word}: {len(done)} of {len(answers)}"
    return _page(
        site,
        request,
        form,
        heading=heading,
        problem=f"{_count(refused)} refused, and shown as now." if refused else "",
        done=done,
        again="Not decided",
        refused={answer.number: answer.said for answer in refused},
        picked=False,
        status=HTTPStatus.OK if done else HTTPStatus.CONFLICT,
    )


def _again(
    site: Site, request: Request, form: Form, rows: list[tuple[int, str]], problem: str, status: int
) -> Response:
    """The same form once more, with what was selected and written; nothing was tried."""
    if form.text("from") != "list":
        record = _record(site, rows[0][0])
        if record is None:
            raise Wrong(404, f"There is no finding {rows[0][0]}.")
        return shown_one(site, request, record, problem=problem, form=form, status=status)
    numbers = {number: "" for number, _ in rows}
    return _page(site, request, form, heading="Not yet decided", problem=problem, done=[], again="What you selected",
                 refused=numbers, picked=True, status=status)  # fmt: skip


def _page(
    site: Site, request: Request, form: Form, *, heading: str, problem: str, done: list[Answer], again: str,
    refused: dict[int, str], picked: bool, status: int,
) -> Response:  # fmt: skip
    found = {number: _record(site, number) for number in refused}
    now = site.now()
    there = {number: record for number, record in found.items() if record is not None}
    rows = [Row(record, said=refused[number], over=over(record, now)) for number, record in there.items()]
    rows = [replace(row, picked=picked and row.pickable) for row in rows]
    return site.answer(
        "decided.html",
        request,
        status,
        heading=heading,
        problem=problem,
        done=done,
        lost=[Answer(number, False, refused[number] or f"There is no finding {number}.")
              for number, record in found.items() if record is None],
        again=again,
        caption=again,
        rows=rows,
        may_decide=request.state.signed.person.approves and any(row.pickable for row in rows),
        back=form.back,
        reason=form.reason,
        now=now,
        **days(site.settings.janitor, now),
    )  # fmt: skip


def _record(site: Site, number: int) -> Record | None:
    return site.state.findings.find(number)


def _count(rows: list[Answer]) -> str:
    return "1 finding was" if len(rows) == 1 else f"{len(rows)} findings were"
