"""`state.findings`: look findings up, and change them so that status, event and audit entry are one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, bindparam, func, insert, or_, select, true, update

from finops.errors import FinopsError

from . import audit as trail
from .engine import reading, writing
from .findings import Event, Record, StoredFinding, Vote
from .records import clean, key_of, moment_of, written
from .rows import event_of, fields_of, finding_of, record_of, vote_of
from .tables import events, findings, votes

MILLIONTHS = Decimal(1_000_000)
BATCH = 500  # numbers a statement asks for

c = findings.c
ORDERS: dict[str, tuple[ColumnElement[Any], ...]] = {
    "amount": (c.amount.desc().nulls_last(), c.number),
    "age": (c.first_at, c.number),
    "due": (c.due_at.nulls_last(), c.number),
    "expires": (c.expires_at.nulls_last(), c.number),
    "changed": (c.changed_at.desc(), c.number),
    "number": (c.number,),
    "owner": (func.lower(c.owner), c.amount.desc().nulls_last(), c.number),
    "rule": (c.rule, c.amount.desc().nulls_last(), c.number),
    "name": (c.resource, c.number),
}

# Made once: to put a statement together takes longer than to run it.
ONE = select(findings).where(c.number == bindparam("number"))
LIVING = select(findings).where(c.rule == bindparam("rule"), c.resource == bindparam("resource"), c.alive.is_(True))
LAST = (
    select(findings)
    .where(c.resource == bindparam("resource"), c.rule == bindparam("rule"))
    .order_by(c.number.desc())
    .limit(1)
)
STANDING = select(votes).where(votes.c.finding == bindparam("finding"), votes.c.ended == "").order_by(votes.c.number)
ADD = insert(findings).returning(c.number)
HAPPENED = insert(events)
CHANGE = update(findings).where(
    c.number == bindparam("of"), c.version == bindparam("seen"), c.status == bindparam("was")
)


class Casebook:
    """All findings that are remembered. Safe to share between threads."""

    def __init__(self, engine: Engine, where: str, audit_key: trail.Key) -> None:
        self._engine = engine
        self._where = where
        self._key = audit_key

    def get(self, number: int) -> Record:
        """One finding by its number; FinopsError where there is none."""
        with reading(self._engine, self._where) as db:
            return _one(db, number)

    def find(self, number: int) -> Record | None:
        """One finding by its number; None where there is none."""
        with reading(self._engine, self._where) as db:
            return _maybe(db, number)

    def all(
        self,
        status: str | Collection[str] = (),
        rule: str = "",
        owner: str | Collection[str] = "",
        search: str = "",
        risk: str = "",
        workspace: str = "",
        order: str = "amount",
        offset: int = 0,
        limit: int | None = 50,
        now: datetime | None = None,
        numbers: Collection[int] | None = None,
    ) -> tuple[list[Record], int, Decimal | None]:
        """A page of findings, how many there are in all, and what they would save a month in all.

        status, rule, owner, risk: only these; "" or () for any.  search: text in resource id, owner or rule
        owner: several are spellings of one; {""} for those without.  workspace: or registry, by its whole name
        order: a key of ORDERS.  limit: None for all
        now: requests whose time is over by then are expired, as the next sweep writes down.  numbers: only these
        The amount adds saving, or the cost where the saving is not known; it is None where currencies differ.
        """
        wanted = _wanted(_set(status), rule, _set(owner), search, risk, workspace, now)
        if numbers is not None:
            wanted = and_(wanted, c.number.in_(sorted(numbers)))
        with reading(self._engine, self._where) as db:
            sums = select(func.count(), func.count(c.amount), func.coalesce(func.sum(c.amount), 0)).where(wanted)
            each = db.execute(sums.group_by(c.currency)).all()
            # Numbers first: a row is some KB of evidence, too much to be sorted along.
            query = select(c.number).where(wanted).order_by(*ORDERS[order]).offset(offset)
            numbers = db.execute(query if limit is None else query.limit(limit)).scalars().all()
            found = _of(db, numbers)
        total = sum(int(row[0]) for row in each)
        priced = [int(row[2]) for row in each if row[1]]
        return found, total, Decimal(sum(priced)) / MILLIONTHS if len(priced) < 2 else None

    def counts(self) -> dict[str, int]:
        """How many findings there are in each status."""
        with reading(self._engine, self._where) as db:
            return {row[0]: row[1] for row in db.execute(select(c.status, func.count()).group_by(c.status))}

    def waiting(self) -> tuple[int, datetime | None]:
        """How many findings wait for somebody to decide, and since when the oldest does."""
        query = select(func.count(), func.min(func.coalesce(c.asked_at, c.changed_at))).where(c.status == "pending")
        with reading(self._engine, self._where) as db:
            count, since = db.execute(query).one()
        return int(count), moment_of(since) if since else None

    def choices(self) -> tuple[list[str], list[str]]:
        """The rules and the owners of all findings: what they can be filtered by."""
        with reading(self._engine, self._where) as db:
            rules = db.execute(select(c.rule).distinct().order_by(c.rule)).scalars().all()
            owners = db.execute(select(c.owner).distinct().order_by(c.owner)).scalars().all()
        return list(rules), [owner for owner in owners if owner]

    def rules(self) -> list[str]:
        """The rules that ever found anything."""
        with reading(self._engine, self._where) as db:
            return list(db.execute(select(c.rule).distinct().order_by(c.rule)).scalars())

    def history(self, number: int) -> list[Event]:
        """What happened to one finding, oldest first."""
        with reading(self._engine, self._where) as db:
            _one(db, number)
            rows = db.execute(select(events).where(events.c.finding == number).order_by(events.c.number))
            return [event_of(row) for row in rows]

    def events(self, after: int = 0, limit: int | None = None) -> list[Event]:
        """What happened to any finding since event number `after`, oldest first."""
        query = select(events).where(events.c.number > after).order_by(events.c.number)
        with reading(self._engine, self._where) as db:
            return [event_of(row) for row in db.execute(query if limit is None else query.limit(limit))]

    def votes(self, number: int) -> list[Vote]:
        """Every word on one finding, those that count no more included, oldest first."""
        with reading(self._engine, self._where) as db:
            rows = db.execute(select(votes).where(votes.c.finding == number).order_by(votes.c.number))
            return [vote_of(row) for row in rows]

    def alive(self) -> dict[tuple[str, str], int]:
        """The number of each finding whose life has not ended, by rule and resource id in lower case."""
        with reading(self._engine, self._where) as db:
            rows = db.execute(select(c.rule, c.resource, c.number).where(c.alive.is_(True)).order_by(c.number))
            return {(row.rule, row.resource): row.number for row in rows}

    @contextmanager
    def changing(self) -> Iterator[Change]:
        """A transaction that no other writer runs beside: what is done in the block is done whole, or not at all."""
        with writing(self._engine, self._where) as db:
            yield Change(db, self._key)


class Change:
    """The changes of one transaction. Whoever makes one has checked that it is allowed: see finops.approvals."""

    def __init__(self, db: Connection, audit_key: trail.Key) -> None:
        self._db = db
        self._key = audit_key
        self._last: trail.Last | None = None  # of the audit trail, once this transaction has written there

    def get(self, number: int) -> Record:
        return _one(self._db, number)

    def living(self, rule: str, resource_id: str) -> Record | None:
        """The life, not ended, of what a rule found on a resource."""
        row = self._db.execute(LIVING, {"rule": rule, "resource": key_of(resource_id)}).first()
        return records_of(self._db, [row])[0] if row else None

    def last(self, rule: str, resource_id: str) -> Record | None:
        """The latest life of what a rule found on a resource, ended or not."""
        row = self._db.execute(LAST, {"rule": rule, "resource": key_of(resource_id)}).first()
        return records_of(self._db, [row])[0] if row else None

    def due_to_end(self, now: datetime) -> list[Record]:
        """Requests and approvals whose time is over."""
        asked = _over(now)
        approved = and_(c.status.in_(("approved", "scheduled")), c.approved_until <= written(now))
        return records_of(self._db, self._db.execute(select(findings).where(or_(asked, approved))).all())

    def add(
        self, finding: StoredFinding, status: str, why: str, now: datetime, who: str, currency: str, **fields: Any
    ) -> int:
        """The number of a new finding."""
        row = {
            **fields_of(finding),
            "resource": key_of(finding.resource_id),
            "currency": currency,
            "status": status,
            "alive": True,
            "note": clean(why),
            "first_at": written(now),
            "last_at": written(now),
            "changed_at": written(now),
            "runs": 1,
            "round": 0,
            "requester": "",
            "version": 1,
            **_columns(fields),
        }
        number = int(self._db.execute(ADD, row).scalar_one())
        self._event(number, finding, now, who, "", status, why, with_evidence=True)
        return number

    def move(
        self,
        record: Record,
        status: str,
        why: str,
        now: datetime,
        who: str,
        *,
        alive: bool,
        finding: StoredFinding | None = None,
        **fields: Any,
    ) -> Record:
        """The finding with another status. finding: also what is known of it now."""
        values = {"status": status, "alive": alive, "note": clean(why), "changed_at": written(now), **_columns(fields)}
        self._update(record, values if finding is None else {**values, **fields_of(finding)})
        about = finding or record.finding
        self._event(record.number, about, now, who, record.status, status, why, with_evidence=finding is not None)
        return _one(self._db, record.number)

    def say(self, record: Record, why: str, now: datetime, who: str, **fields: Any) -> Record:
        """The finding with an event that moved nothing."""
        self._update(record, _columns(fields))
        self._event(record.number, record.finding, now, who, record.status, record.status, why, with_evidence=False)
        return _one(self._db, record.number)

    def touch(self, record: Record, finding: StoredFinding | None = None, **fields: Any) -> None:
        """Renew numbers that change by themselves; no event, for nothing happened."""
        self._update(record, {**_columns(fields), **(fields_of(finding) if finding else {})})

    def vote(
        self, record: Record, oid: str, name: str, email: str, says: str, why: str, now: datetime, until: datetime
    ) -> None:
        """Add one person's word on the digest as it is."""
        row = {"finding": record.number, "oid": clean(oid)[:200], "name": clean(name), "email": clean(email)}
        row |= {"says": says, "digest": record.finding.digest, "why": clean(why)}
        self._db.execute(insert(votes).values({**row, "at": written(now), "until": written(until), "ended": ""}))

    def end_votes(self, record: Record, why: str, numbers: Collection[int] | None = None) -> None:
        """Let votes that stand count no more. numbers: only these."""
        which = and_(votes.c.finding == record.number, votes.c.ended == "")
        if numbers is not None:
            which = and_(which, votes.c.number.in_(list(numbers)))
        self._db.execute(update(votes).where(which).values(ended=clean(why) or "ended"))

    def prolong_votes(self, record: Record, by: timedelta) -> None:
        """Let the votes that stand count for longer."""
        for vote in record.votes:
            later = written(vote.until + by)
            self._db.execute(update(votes).where(votes.c.number == vote.number).values(until=later))

    def _update(self, record: Record, values: dict[str, Any]) -> None:
        """Only what nobody has changed since it was read: the writing lock says so already, this proves it."""
        same = {"of": record.number, "seen": record.version, "was": record.status}
        done = self._db.execute(CHANGE, {**values, "version": record.version + 1, **same})
        if done.rowcount != 1:
            raise FinopsError(
                f"Finding {record.number} was changed by somebody else at the same moment.",
                "Look at it again, and decide anew. Nothing was changed.",
            )

    def _event(
        self, number: int, about: StoredFinding, now: datetime, who: str, before: str, after: str, why: str,
        *, with_evidence: bool,
    ) -> None:  # fmt: skip
        row = {"finding": number, "at": written(now), "who": clean(who)[:200], "before": before, "after": after}
        self._db.execute(HAPPENED, {**row, "why": clean(why), "digest": about.digest})
        seen = {"finding": number, "rule": about.rule, "digest": about.digest, "before": before, "after": after}
        if with_evidence:
            seen["evidence"] = about.evidence
            seen["action"] = about.action
        what = f"finding {after}"
        self._last = trail.add(self._db, self._key, who, what, about.resource_id, why, seen, now, last=self._last)


def _set(one_or_more: str | Collection[str]) -> set[str]:
    """ "" stands for nothing in particular, {""} for what has none."""
    return ({one_or_more} - {""}) if isinstance(one_or_more, str) else set(one_or_more)


def _over(now: datetime) -> ColumnElement[bool]:
    """Requests that nobody decided in time. False, not unknown, for what has no end."""
    return and_(c.status.in_(("asked", "pending")), c.expires_at.is_not(None), c.expires_at <= written(now))


def _wanted(
    status: set[str], rule: str, owner: set[str], search: str, risk: str, workspace: str, now: datetime | None
) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = []
    if status:
        has: ColumnElement[bool] = c.status.in_(sorted(status))
        if now is not None:
            has = or_(has, _over(now)) if "expired" in status else and_(has, ~_over(now))
        parts.append(has)
    if rule:
        parts.append(c.rule == rule)
    if owner:
        parts.append(func.lower(c.owner).in_(sorted(clean(one).lower() for one in owner)))
    if risk:
        parts.append(c.risk == risk)
    if workspace.strip():
        name = clean(workspace).strip().lower()
        kinds = ("workspaces", "registries")
        parts.append(or_(*(c.resource.contains(f"/{kind}/{name}/", autoescape=True) for kind in kinds)))
    if search.strip():
        text = clean(search).strip().lower()
        parts.append(
            or_(
                c.resource.contains(text, autoescape=True),
                func.lower(c.owner).contains(text, autoescape=True),
                c.rule.contains(text, autoescape=True),
            )
        )
    return and_(true(), *parts)


def _columns(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: written(value) if isinstance(value, datetime) else value for name, value in fields.items()}


def _one(db: Connection, number: int) -> Record:
    record = _maybe(db, number)
    if record is None:
        raise FinopsError(f"There is no finding {number}.", "List them: `finops janitor list --all`.")
    return record


def _maybe(db: Connection, number: int) -> Record | None:
    row = db.execute(ONE, {"number": number}).first() if 0 < number < 2**31 else None
    return records_of(db, [row])[0] if row else None


def _of(db: Connection, numbers: Sequence[int]) -> list[Record]:
    """The findings of these numbers, in this order."""
    found: dict[int, Record] = {}
    for start in range(0, len(numbers), BATCH):
        these = select(findings).where(c.number.in_(numbers[start : start + BATCH]))
        found |= {record.number: record for record in records_of(db, db.execute(these).all())}
    return [found[number] for number in numbers]


def records_of(db: Connection, rows: list[Row[Any]] | Any) -> list[Record]:
    """Findings from their rows, each with the votes that stand."""
    numbers = [row.number for row in rows]
    standing: dict[int, list[Vote]] = {}
    if len(numbers) == 1:
        standing = {numbers[0]: [vote_of(row) for row in db.execute(STANDING, {"finding": numbers[0]})]}
    for start in range(0, len(numbers) if len(numbers) > 1 else 0, BATCH):
        these = votes.c.finding.in_(numbers[start : start + BATCH])
        for row in db.execute(select(votes).where(these, votes.c.ended == "").order_by(votes.c.number)):
            standing.setdefault(row.finding, []).append(vote_of(row))
    return [record_of(row, finding_of(row), tuple(standing.get(row.number, ()))) for row in rows]
