"""Duties that only work on what is remembered: mails that waited, the outbox, what is kept for no longer."""

from __future__ import annotations

from finops.jobs.duties import counts as n
from finops.jobs.duties.figures import of_findings
from finops.jobs.duties.model import Done, Work, came_to, patient


@patient
def tell(work: Work) -> Done:
    """In quiet hours nobody is told: what waits is told by the first run after them."""
    from finops.jobs.sweeping.telling import tell as job

    done = job(work.state, work.settings, work.now)
    counts = {**of_findings(work.state, work.now), n.named(n.UNTOLD, "tell"): len(done.problems)}
    waits = [f"{done.waiting} findings wait for the end of the quiet hours."] if done.waiting else []
    return came_to(done.problems, counts, [*waits, *(f"Mail: {mail}" for mail in done.mails)])


@patient
def deliver(work: Work) -> Done:
    """What may have left is found out about before anything is sent again."""
    from finops.mail import Post

    done = Post(work.state, work.settings.mail, work.settings.azure).deliver(work.now)
    if done.busy:
        return Done(
            "done", ("Another process is sending now; it sends what waits here, too.",), {n.OUTBOX: done.waiting}
        )
    counts = {
        n.named(n.MAILS, "sent"): done.sent,
        n.named(n.MAILS, "failed"): done.failed,
        n.named(n.MAILS, "held"): done.held,
        n.OUTBOX: done.waiting,
    }
    return came_to(done.problems, counts)


@patient
def housekeeping(work: Work) -> Done:
    """Removes what the settings keep for no longer; what somebody may still need is asked about first."""
    from finops.jobs.sweeping.tombs import cleared
    from finops.state.keeping import Keep

    state, settings = work.state, work.settings
    work.step("Forgetting what is past its time")
    forgotten = state.forget(Keep(**settings.state.keep.model_dump()), work.now)
    work.step("Removing tombstones that nobody can be given back from any more")
    with state.turn():
        tombs = cleared(state, settings, work.now)
    work.step("Giving space back")
    freed = state.shrink()
    removed = {**forgotten, "tombstones": len(tombs)}
    counts = {n.named(n.REMOVED, kind): count for kind, count in removed.items()}
    said = [f"{count} {kind} past their time are forgotten." for kind, count in forgotten.items() if count]
    said += [f"The tombstone {name} is past its day." for name in tombs]
    return came_to((), counts, [*said, *([f"The state is {freed} bytes smaller."] if freed else [])])
