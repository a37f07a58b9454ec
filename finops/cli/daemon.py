"""`finops daemon`: every duty at its time; one of them once; how each stands; what is late; the clock it goes by."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.daemon_events import events
from finops.cli.output import note, output_option, show
from finops.cli.remembering import opened, person
from finops.cli.session import Session, reads_azure, told_time
from finops.errors import PARTIAL, FinopsError, TemporaryError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from finops.daemon.calls import Calls
    from finops.daemon.child import Given
    from finops.daemon.clock import Clock
    from finops.daemon.stopping import Stop
    from finops.daemon.working import Means
    from finops.state import State

COLUMNS = ["duty", "due", "state", "last", "outcome", "why"]


@click.group()
def daemon() -> None:
    """Every duty at its time: run the daemon, or one duty; see how each stands."""


daemon.add_command(events)


@daemon.command()
@click.option("--once", "job", metavar="DUTY", help="Run this duty where it is due, and end: for cron.")
@click.option("--now", "now", is_flag=True, help="With --once: run it whether it is due or not.")
@click.option("--quiet", "-q", is_flag=True, help="With --once: say only what failed, as cron mails whatever is said.")
@reads_azure
@click.pass_context
def run(context: click.Context, session: Session, job: str | None, now: bool, quiet: bool) -> None:
    """Do every duty at its time until SIGTERM. Changes what the modes of guard, janitor and tiering allow.

    A second one waits, and takes over when the first falls silent.

    \b
    finops daemon run
    finops daemon run --once report
    finops daemon run --once guard --now
    """
    if session.estate:
        raise UsageError("The daemon does not work on a recording.", "Leave out --estate.")
    if (now or quiet) and not job:
        word = "--now" if now else "--quiet"
        raise UsageError(f"{word} goes with --once.", f"Write --once DUTY {word}.")
    from finops.daemon import logs
    from finops.daemon.stopping import Stop

    if job is None:
        session.hold()
    settings, stop = session.settings, Stop()
    with ExitStack() as stack:
        if job is None:
            stack.enter_context(logs.begun(settings, form=settings.daemon.log_form, level=settings.daemon.log_level))
        stack.enter_context(stop.on_signals())
        state = stack.enter_context(opened(session, create=True))
        if job:
            _once(context, session, state, stop, job, now, quiet)
        else:
            _forever(session, state, stop)


@daemon.command(hidden=True)
@click.argument("job", metavar="DUTY")
def apart(job: str) -> None:
    """One run of a duty, for the daemon that begins it and waits. People write `finops daemon run --once DUTY`."""
    from finops.daemon.child import obey

    obey(_equipped)


@daemon.command()
@output_option
@reads_azure
def status(session: Session, output: str) -> None:
    """Say of each duty when it is due, when it last succeeded, and how it went last. Changes nothing."""
    from finops.daemon.clock import doubted
    from finops.daemon.standing import leads, stands

    with opened(session, first="finops daemon run") as state:
        at = session.now
        rows = [vars(one) for one in stands(state, session.settings, at)]
        if output == "table":
            note(leads(state, datetime.now(UTC)))
            if doubt := doubted(state, at):
                note(f"! {doubt} Nothing acts: `finops daemon clock accept`.")
            rows = [{**row, "why": row["why"][:100]} for row in rows]
    show(rows, output, COLUMNS, title="Duties")


@daemon.command()
@click.option(
    "--metrics",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.prom",
    help="Leave the figures here, for node exporter's textfile collector.",
)
@click.option("--quiet", "-q", is_flag=True, help="Say only what nobody may come to know otherwise.")
@reads_azure
@click.pass_context
def look(context: click.Context, session: Session, metrics: Path | None, quiet: bool) -> None:
    """Mail operators what is late, and ask daemon.ping_url where all is well: for cron, every five minutes.

    A daemon does that by itself: where one leads, there is nothing to do.

    \b
    finops daemon look
    finops daemon look --metrics /var/lib/prometheus/node-exporter/finops.prom
    """
    if metrics and metrics.suffix != ".prom":
        raise UsageError(f"{metrics} would be read by nobody.", "Node exporter reads files that end with .prom.")
    from finops.daemon import looking
    from finops.daemon.calls import Calls
    from finops.jobs.duties import DUTIES

    say = _nothing if quiet else click.echo
    with opened(session, create=True) as state:
        means = _means(session, state, Calls(), _nothing)
        saw = looking.once(means, DUTIES)
        if metrics:
            looking.leave_figures(means, DUTIES, metrics)
    if saw.leader:
        say(f"{saw.leader} leads, and looks itself.")
        return
    say(f"Late: {', '.join(saw.found.late)}." if saw.found.late else "Nothing is late.")
    for subject in saw.found.told:
        say(f"Operators were told: {subject}.")
    if problems := saw.found.problems:
        why = " ".join(f"Operators may not know that a duty is late: {problem}" for problem in problems)
        raise FinopsError(why, "Look at `finops daemon status` and `finops mail list`.")
    if saw.unasked and quiet:
        context.exit(TemporaryError.exit_code)  # it hears nothing, and calls somebody
    if saw.unasked:
        raise TemporaryError(
            f"The watcher outside cannot be told that all is well: {saw.unasked}.", "Look at daemon.ping_url."
        )


@daemon.group()
def clock() -> None:
    """The clock that the daemon goes by."""


@clock.command()
@reads_azure
def accept(session: Session) -> None:
    """Believe the clock again after it was put back: duties that change Azure go on. It goes onto the audit trail."""
    from finops.daemon.clock import accept as accepted

    with opened(session, first="finops daemon run") as state:
        if not accepted(state, person().name, session.now):
            raise FinopsError("The clock is not in doubt.", "Nothing was changed.")
    click.echo(f"Accepted: it is {session.now:%Y-%m-%d %H:%M:%S} UTC.")


def _once(context: click.Context, session: Session, state: State, stop: Stop, job: str, now: bool, quiet: bool) -> None:
    from finops.daemon.calls import Calls
    from finops.daemon.once import once
    from finops.jobs.duties import DUTIES, duty

    say = _nothing if quiet else click.echo
    try:
        came = once(
            _means(session, state, Calls(), _nothing if quiet else note), duty(job), DUTIES, stop, whether_due=not now
        )
        if came.ended is not None and came.ended.outcome == "held":
            for sentence in came.ended.said:
                say(sentence)
            raise TemporaryError(f"{job} is held.", "The next time it is asked for, it is tried again.")
    except TemporaryError as fault:
        if quiet:
            context.exit(fault.exit_code)
        raise
    if came.ended is None:
        say(came.why)
        if came.stuck:
            _end_at_once()
        return
    for sentence in came.ended.said:
        say(sentence)
    if came.ended.outcome == "failed":
        raise FinopsError(came.ended.why, "The next time it is asked for, it is tried again.")
    say(f"{job}: {came.ended.outcome}.")
    if came.ended.outcome == "partial":
        context.exit(PARTIAL)


def _nothing(text: str) -> None:
    """In place of what says it, where cron would mail it."""


def _forever(session: Session, state: State, stop: Stop) -> None:
    from finops.daemon import logs
    from finops.daemon.apart import Apart
    from finops.daemon.arrivals import Arrivals
    from finops.daemon.beside import Beside
    from finops.daemon.calls import Calls
    from finops.daemon.eventgrid import listening
    from finops.daemon.listening import serving
    from finops.daemon.loop import Loop, Pace, Wakes
    from finops.daemon.notify import Notifier
    from finops.daemon.outside import Outside, app
    from finops.daemon.ping import Ping
    from finops.daemon.pulse import Pulse
    from finops.daemon.tracing import around, traced
    from finops.jobs.duties import DUTIES

    settings, pulse, calls, wakes = session.settings, Pulse(), Calls(), Wakes(stop)
    ping, arrivals = Ping(settings.daemon.ping_url), Arrivals()  # what the webhook counts, /metrics shows
    with ExitStack() as stack:
        means = _means(session, state, calls, logs.logger().info)
        span = around(stack.enter_context(traced()), state, means.clock.now)
        apart = Apart(calls, _about(session))
        stack.callback(apart.end)
        means = replace(means, around=span, apart=apart)
        beside = Beside(means.settings, state, DUTIES, pulse, Notifier.of(), ping, now=means.clock.now)
        simulated = settings.azure.endpoint is not None and means.clock is not means.machine
        pace = Pace(settings.daemon.lease_seconds, 1.0 if simulated else 10.0)
        loop = Loop(means, DUTIES, stop, pulse, wakes, beside.hooks(), pace)
        if settings.daemon.listen:
            outside = Outside(settings, state, pulse, DUTIES, calls, arrivals, ping, now=means.clock.now)
            stack.enter_context(serving(app(outside), settings.daemon.listen, "daemon.listen"))
        if settings.daemon.events.listen:
            leads, soon = loop.leading.holds, apart.prepare
            webhook = listening(settings, wakes, state, arrivals, leads=leads, soon=soon, now=means.clock.now)
            stack.enter_context(webhook)
        if loop.run():
            _end_at_once()


def _about(session: Session) -> dict[str, Any]:
    """What a process of a run needs to have the session that the daemon has."""
    held = session.held
    return {
        "config": str(session.config) if session.config else None,
        "azure": session.azure_url,
        "held": {"file": str(held.file) if held.file else None, "text": held.text} if held else None,
    }


@contextmanager
def _equipped(order: dict[str, Any], calls: Calls) -> Iterator[Given]:
    """The same, there."""
    from finops.config.reading import Held
    from finops.config.secrets import sealing
    from finops.daemon import logs
    from finops.daemon.child import Given
    from finops.state import State

    config, held = order["config"], order["held"]
    file = Path(held["file"]) if held and held["file"] else None
    session = Session(Path(config) if config else None, order["azure"], held=Held(file, held["text"]) if held else None)
    settings = session.settings
    key = sealing(settings.state.audit_key)
    with (
        logs.begun(settings, form=settings.daemon.log_form, level=settings.daemon.log_level) as redactor,
        State.open(settings.state.url, audit_key=key, checked=True) as state,
    ):
        yield Given(
            settings, state, lambda: calls.counted(session.azure()), lambda: calls.counted(session.acting()),
            redactor.text,
        )  # fmt: skip


def _means(session: Session, state: State, calls: Calls, say: Callable[[str], Any]) -> Means:
    from finops.daemon.clock import SystemClock
    from finops.daemon.logs import of_run
    from finops.daemon.working import Means

    machine = SystemClock()
    return Means(
        settings=lambda: session.settings,
        state=state,
        azure=lambda: calls.counted(session.azure()),
        acting=lambda: calls.counted(session.acting()),
        clock=_clock(session, machine),
        machine=machine,
        note=say,
        around=of_run,
    )


def _clock(session: Session, machine: Clock) -> Clock:
    """A simulator's, where azure.endpoint is one; else this machine's."""
    from finops.daemon.clock import ToldClock

    endpoint = session.settings.azure.endpoint
    if not endpoint or told_time(endpoint) is None:
        return machine

    def told() -> datetime:
        at = told_time(endpoint)
        if at is None:
            raise TemporaryError(f"{endpoint} says no time any more.", "Start the simulator again.")
        return at

    return ToldClock(told)


def _end_at_once() -> None:
    """A thread that is stuck in a call would keep us from ending; what it had to say is written down."""
    import logging
    import os
    import sys

    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)
