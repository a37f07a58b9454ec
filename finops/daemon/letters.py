"""What the dead-man's notice says: which duty is late, since when, what came of its last runs, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from finops.approvals.naming import shown
from finops.daemon.logs import Redactor, secrets_of
from finops.report.locales import writing
from finops.report.render import inlined
from finops.report.templates import Templates
from finops.report.words import Words

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.daemon.lateness import Standing
    from finops.state.runs import StoredRun

LONGEST = 300  # characters of one reason
WORDS = {
    "failed": "failed",
    "held": "held back",
    "skipped": "left out",
    "missed": "missed",
}

Json = dict[str, Any]


def late(
    one: Standing, recent: Sequence[StoredRun], under_way: StoredRun | None, settings: Settings, now: datetime
) -> Json:
    """A duty that is late. recent: what came of it since it last succeeded, newest first."""
    hidden = Redactor(secrets_of(settings)).text
    return {
        "job": one.job,
        "what": one.what,
        "succeeded": one.succeeded,
        "watched": one.watched,
        "ago": spell(now - (one.succeeded or one.watched)),
        "due": one.due,
        "runs": [
            {
                "at": run.ended_at or run.began_at,
                "came": f"{WORDS.get(run.outcome, run.outcome)}{f', {run.slots} times' if run.slots > 1 else ''}",
                "why": _why(run, hidden),
            }
            for run in recent
        ],
        "under_way": {"since": under_way.began_at, "for": spell(now - under_way.began_at)} if under_way else None,
        "command": f"finops daemon run --once {one.job} --now",
    }


def well(job: str, one: Standing | None, since: datetime) -> Json:
    """A duty that was late and is not any more. Without a success since, it was switched off."""
    succeeded = one.succeeded if one is not None and one.enabled else None
    return {
        "job": job,
        "what": one.what if one else "",
        "succeeded": succeeded,
        "since": since,
        "for": spell(succeeded - since) if succeeded and succeeded > since else "",
    }


def written(
    kind: str,
    people: Sequence[str],
    items: list[Json],
    about: list[str],
    thread: str,
    settings: Settings,
    now: datetime,
) -> list[Json]:
    """One letter a person, ready to be kept and put into the outbox."""
    templates = Templates(settings.folders.reports, Words(0, writing(settings.report.locale)))
    context = {
        "organisation": shown(settings.report.organisation),
        "well": kind == "daemon-well",
        "items": items,
        "where": Redactor(secrets_of(settings)).text(settings.state.url),
        "now": now,
    }
    subject = templates.line("daemon-late.subject.txt", **context)
    preheader = templates.line("daemon-late.preheader.txt", **context)
    return [
        {
            "kind": kind,
            "to": person,
            "subject": subject,
            "text": templates.render("daemon-late.txt", subject=subject, to=person, **context),
            "html": inlined(
                templates.render("daemon-late.html", subject=subject, preheader=preheader, to=person, **context)
            ),
            "about": about,
            "thread": thread,
        }
        for person in people
    ]


def spell(time: timedelta) -> str:
    """Roughly how long, in words."""
    minutes = max(0, int(time.total_seconds() // 60))
    count, unit = next(
        ((minutes // size, unit) for size, unit in ((24 * 60, "day"), (60, "hour")) if minutes >= 2 * size),
        (minutes, "minute"),
    )
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _why(run: StoredRun, hidden: Callable[[str], str]) -> str:
    said = " ".join(part for part in (run.why, *run.said[:1]) if part) or "It gave no reason."
    line = shown(" ".join(hidden(said).split()))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
