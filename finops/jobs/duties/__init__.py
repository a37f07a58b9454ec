"""The duties of the daemon: what each is, when it runs, and what one run of it comes to."""

from __future__ import annotations

import difflib
from datetime import timedelta

from finops.errors import UsageError
from finops.jobs.duties.changing import apply, guard, tier
from finops.jobs.duties.counting import anomalies, budgets, ingest, watch
from finops.jobs.duties.looking import compliance, sweep
from finops.jobs.duties.model import Done, Duty, Stopped, Work
from finops.jobs.duties.reporting import close, report
from finops.jobs.duties.sending import deliver, housekeeping, tell

MINUTES, HOURS, DAYS = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

DUTIES: tuple[Duty, ...] = (
    Duty(
        "guard", "Compares the estate with the rules, tells owners, and enforces where the mode is enforce.",
        "every 15 minutes", guard, 2 * HOURS, 30 * MINUTES, acts=True, apart=True,
    ),
    Duty(
        "watch", "Looks at what runs now in money an hour, and mails what is too much.",
        "every 15 minutes", watch, 2 * HOURS, 30 * MINUTES, apart=True,
    ),
    Duty(
        "ingest", "Asks Cost Management for the charges that all other duties read.",
        "daily at 04:30", ingest, 36 * HOURS, 6 * HOURS, apart=True,
    ),
    Duty(
        "anomalies", "Judges the complete days of charges, keeps a case for each anomaly, and mails each once.",
        "daily at 05:15", anomalies, 36 * HOURS, 2 * HOURS, apart=True,
    ),
    Duty(
        "budgets", "Looks where budgets stand, and mails each threshold once a period.",
        "daily at 05:30", budgets, 36 * HOURS, 2 * HOURS, apart=True,
    ),
    Duty(
        "compliance", "Reads what Azure Policy says of every subscription.",
        "daily at 05:45", compliance, 3 * DAYS, 2 * HOURS, apart=True,
    ),
    Duty(
        "sweep", "Finds what looks unused, remembers it, and asks owners and approvers.",
        "weekly on monday at 06:00", sweep, 8 * DAYS, 4 * HOURS, apart=True,
    ),
    Duty(
        "tell", "Leaves the janitor's mails that waited: digests, reminders, receipts.",
        "every 60 minutes", tell, 6 * HOURS, 10 * MINUTES,
    ),
    Duty(
        "apply", "Does what was approved and is due, in working hours; looks after quiet steps at all hours.",
        "every 30 minutes", apply, 6 * HOURS, 60 * MINUTES, acts=True, apart=True,
    ),
    Duty(
        "tier", "Plans the access tiers of storage accounts anew, asks, and does what may be done.",
        "weekly on tuesday at 10:00", tier, 8 * DAYS, 6 * HOURS, acts=True, apart=True,
    ),
    Duty(
        "report", "Makes and mails the report of the last week, once its charges are complete.",
        "weekly on monday at 06:45", report, 8 * DAYS, 2 * HOURS, apart=True,
    ),
    Duty(
        "close", "Makes and mails the statement of the last month, once its charges change no more.",
        "monthly on day 6 at 10:00", close, 40 * DAYS, 2 * HOURS, apart=True,
    ),
    Duty(
        "deliver", "Sends what waits in the outbox.",
        "every 1 minutes", deliver, 60 * MINUTES, 10 * MINUTES,
    ),
    Duty(
        "housekeeping", "Removes what is kept for no longer, as the settings say.",
        "daily at 03:30", housekeeping, 3 * DAYS, 1 * HOURS,
    ),
)  # fmt: skip


def duty(name: str) -> Duty:
    """The duty of that name. UsageError where there is none."""
    names = [one.name for one in DUTIES]
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"They are {', '.join(names)}."
        raise UsageError(f"'{name}' is no duty.", hint)
    return next(one for one in DUTIES if one.name == name)


__all__ = ["DUTIES", "Done", "Duty", "Stopped", "Work", "duty"]
