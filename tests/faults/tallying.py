"""What a stretch of life came to: the slots of each duty, each change and what allowed it, each mail, what is kept."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from year import Mail, Year, mails

from finops.approvals.votes import APPROVE, needed
from finops.daemon.planning import whens
from finops.jobs.duties import DUTIES
from finops.state import Intent, State, StoredRun

LONG_AGO = timedelta(days=4000)


@dataclass
class Duties:
    """Slots of each duty by what became of them, and what is wrong with that."""

    counted: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def duties_of(year: Year, state: State, until: datetime) -> Duties:
    """Each slot exactly once worked through, or told as failed, missed or skipped with its reason."""
    found = Duties()
    zone = ZoneInfo(str(year.settings.daemon.time_zone))
    runs = state.daybook.runs(year.begins - LONG_AGO)
    for duty in DUTIES:
        when = whens(year.settings, DUTIES)[duty.name]
        mine = [one for one in runs if one.job == duty.name and not one.asked]
        fates: dict[datetime, list[StoredRun]] = {}
        for run in mine:
            for slot in when.between(run.first_slot - timedelta(seconds=1), run.slot, zone):
                fates.setdefault(slot, []).append(run)
        counted = found.counted.setdefault(duty.name, Counter())
        for slot in when.between(year.begins, until, zone):
            what = _fate(fates.get(slot, []))
            counted[what] += 1
            if what.startswith("WRONG"):
                said = [(one.outcome, one.why[:80], one.slots) for one in fates.get(slot, [])]
                found.wrong.append(f"{duty.name} at {slot:%Y-%m-%d %H:%M}: {what}: {said}")
    return found


def _fate(runs: list[StoredRun]) -> str:
    """What became of one slot."""
    worked = [one for one in runs if one.outcome in {"done", "partial"}]
    given_up = [one for one in runs if one.outcome in {"missed", "skipped"}]
    if len(worked) > 1:
        return "WRONG: worked through twice"
    if worked:
        return worked[0].outcome
    if given_up:
        return given_up[0].outcome if all(one.why for one in given_up) else "WRONG: missed without a reason"
    failed = [one for one in runs if one.outcome == "failed"]
    if failed:
        return "failed" if all(one.why for one in failed) else "WRONG: failed without a reason"
    return "WRONG: held and forgotten" if runs else "WRONG: nothing is known of it"


def changes_of(year: Year) -> list[dict[str, Any]]:
    """What was sent that changes anything."""
    return list(year.served.requests)


def unasked(year: Year, state: State) -> list[str]:
    """Changes in the simulator's own log that no intent stands for, and deletions that no approval stands for (I1)."""
    wrong = []
    intents = state.intents_since(year.begins - LONG_AGO)
    for one in changes_of(year):
        path = one["path"].lower()
        mine = [each for each in intents if path.startswith(each.resource_id.lower())]
        if not mine:
            wrong.append(f"{one['method']} {path}: no intent")
        elif one["method"] == "DELETE" and "/onlineendpoints/" in path and not any(_approved(state, x) for x in mine):
            wrong.append(f"DELETE {path}: no approval: {[_told(state, x) for x in mine]}")
    gone = Counter(
        one["path"].lower()
        for one in changes_of(year)
        if one["method"] == "DELETE" and one["status"] in {200, 202} and not one["fault"]
    )
    gone = Counter({path: count for path, count in gone.items() if "/onlineendpoints/" in path})
    wrong += [
        f"DELETE {path}: {count} times" for path, count in gone.items() if count > 1 and not _failed(path, intents)
    ]
    return wrong


def _approved(state: State, intent: Intent) -> bool:
    """Whether as many as were needed had approved what the intent is about, when it was opened."""
    if "record" not in intent.evidence:
        return False
    record = state.findings.get(int(intent.evidence["record"]))
    stood = {
        one.oid for one in state.findings.votes(record.number)
        if one.says == APPROVE and one.ended in {"", "used"} and one.at <= intent.opened_at < one.until
    }  # fmt: skip
    return len(stood) >= needed(record)


def _told(state: State, intent: Intent) -> tuple[object, ...]:
    number = int(intent.evidence.get("record", 0))
    votes = [(one.says, one.oid, one.at, one.until, one.ended) for one in state.findings.votes(number)]
    return intent.action, intent.rule, intent.opened_at, intent.outcome, sorted(intent.evidence), votes


def _failed(path: str, intents: list[Intent]) -> bool:
    """Whether an earlier deletion is known not to have been carried out: then another one was asked for anew."""
    return any(one.outcome in {"failed", "not-done"} for one in intents if path.startswith(one.resource_id.lower()))


def twice_told(year: Year) -> list[str]:
    """Reports, and thresholds of budgets, that were told more than once (I7, I8)."""
    told = Counter(
        (what, mail.to) for mail in mails(year.folder / "outbox")
        if "week" in mail.subject.lower() or "budget" in mail.subject.lower()
        for what in _tells(mail)
    )  # fmt: skip
    return [f"{count} times: {what} to {to}" for (what, to), count in told.items() if count > 1]


def _tells(mail: Mail) -> list[str]:
    """The thresholds or the end of a period, whatever the figures are by then: here is one budget. Else the subject.

    Two mails of a month may have one subject, which tells the month's outlook: they tell of different thresholds.
    """
    if period := re.search(r"[A-Z][a-z]+ \d{4} is closed$", mail.subject):
        return [period[0]]
    period = re.search(r" for ([A-Z][a-z]+ \d{4})$", mail.subject)
    crossed = re.search(r"Crossed: (\d+% \w+(?:, \d+% \w+)*)\.", mail.text)
    return [f"{one}, {period[1]}" for one in crossed[1].split(", ")] if period and crossed else [mail.subject]


def printed(year: Year, found: Duties, state: State) -> str:
    """The tally, for people."""
    tally = year.tally
    struck = year.struck or tally.struck
    lines = [
        f"{(year.now - year.begins).days} simulated days, {tally.starts} starts, {tally.kills} kills, "
        f"{year.asked} requests, {sum(struck.values())} of them with one of {len(struck)} kinds of fault, "
        f"{len(changes_of(year))} changes, {len(state.audit_entries())} audit entries, "
        f"{len(mails(year.folder / 'outbox'))} mails, database {year.kept} KiB, "
        f"RSS {min(k for _, k in tally.rss) // 1024} to {max(k for _, k in tally.rss) // 1024} MiB",
        f"{'duty':<14}{'slots':>7}{'done':>7}{'partial':>8}{'failed':>7}{'missed':>7}{'skipped':>8}{'WRONG':>7}",
    ]
    for name, counted in found.counted.items():
        wrong = sum(count for what, count in counted.items() if what.startswith("WRONG"))
        row = [counted[what] for what in ("done", "partial", "failed", "missed", "skipped")]
        lines.append(f"{name:<14}{sum(counted.values()):>7}" + "".join(
            f"{value:>{width}}" for value, width in zip([*row, wrong], (7, 8, 7, 7, 8, 7), strict=True)
        ))  # fmt: skip
    lines += [f"{'month':<10}{'database KiB':>13}{'RSS MiB':>9}"]
    for month in sorted({f"{when:%Y-%m}" for when, _ in tally.rss}):
        kept = max(size for when, size in tally.kept if f"{when:%Y-%m}" == month)
        rss = max(size for when, size in tally.rss if f"{when:%Y-%m}" == month)
        lines.append(f"{month:<10}{kept:>13}{rss // 1024:>9}")
    return "\n".join(lines)
