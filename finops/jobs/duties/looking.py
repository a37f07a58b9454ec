"""Duties that look and ask: waste, and what Azure Policy says. They change nothing in Azure."""

from __future__ import annotations

from datetime import timedelta

from finops.jobs.duties import counts as n
from finops.jobs.duties.figures import of_findings
from finops.jobs.duties.model import Done, Work, came_to, patient

COMPLIANCE = "compliance/last"  # kept under: what Azure Policy said when the duty last looked
STALE = timedelta(hours=24)  # Azure evaluates everything once a day, without promising it


@patient
def sweep(work: Work) -> Done:
    """Twice within janitor.run_hours counts as one sweep, and nobody is asked twice."""
    from finops.jobs.sweeping import sweep as job
    from finops.jobs.weekly import at_hand

    with work.azure() as azure:
        done = job(azure, at_hand(work.settings), work.state, work.now, work.step)
    counts = {
        **of_findings(work.state, work.now),
        n.named(n.KEPT_UNKNOWN, "sweep"): sum(one.unknown for one in done.looked.found.kept),
        n.named(n.UNREAD, "sweep"): len(done.looked.problems),
    }
    waits = [f"{done.waiting} findings are told of after the quiet hours."] if done.waiting else []
    found = f"{len(done.looked.found.findings)} found, {len(done.changes.new)} of them for the first time."
    return came_to(done.problems, counts, [found, *done.looked.remarks, *waits])


@patient
def compliance(work: Work) -> Done:
    """What Azure Policy's newest evaluation says, kept for the status and the figures; the report reads it anew."""
    from finops.jobs.knowing import verdicts

    with work.azure() as azure:
        work.step("Reading what Azure Policy says")
        found = verdicts(azure, work.now)
    if found is None:
        return Done("partial", ("Azure Policy could be asked about no subscription.",))
    broken = {name: len(ids) for name, ids in found.broken.items()}
    bad = {one for ids in found.broken.values() for one in ids}
    kept = {"at": work.now.isoformat(), "evaluated": found.as_of.isoformat(), "seen": found.resources, "broken": broken}
    work.state.keep(COMPLIANCE, kept, work.now)
    counts: dict[str, int | float] = {n.NON_COMPLIANT: len(bad), n.named(n.UNREAD, "compliance"): len(found.gaps)}
    if found.resources:  # else nothing was ever evaluated
        counts[n.EVALUATED] = found.as_of.timestamp()
    old = work.now - found.as_of > STALE
    stale = [f"Azure has evaluated nothing since {found.as_of:%Y-%m-%d %H:%M} UTC."] if old else []
    return came_to(found.gaps, counts, stale)
