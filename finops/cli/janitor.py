"""`finops janitor`: what looks unused, who was asked, deciding about it, and what was decided."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

import click

from finops.cli.janitor_rows import count, show_rows
from finops.cli.output import note, output_option, show
from finops.cli.remembering import finding_number
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, UsageError

if TYPE_CHECKING:
    from finops.janitor import Finding, Kept
    from finops.jobs.sweeping import Looked

# Commands that live beside, and are imported when they are called.
VERBS = {
    "apply": "janitor_apply",
    "approve": "janitor_decide",
    "check": "janitor_rules",
    "deny": "janitor_decide",
    "exempt": "janitor_decide",
    "rehearse": "janitor_rehearse",
    "snooze": "janitor_decide",
    "undo": "janitor_apply",
    "why": "janitor_images",
}


class JanitorCommands(click.Group):
    """The commands of this module, and those of VERBS by their name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*self.commands, *VERBS])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return super().get_command(ctx, name)
        module = f"finops.cli.{VERBS[name]}"
        if importlib.util.find_spec(module) is None:
            return None
        found: Any = getattr(importlib.import_module(module), name, None)
        assert found is None or isinstance(found, click.Command)
        return found


@click.group(cls=JanitorCommands)
def janitor() -> None:
    """Unused resources: find them, ask, approve, delete, undo."""


@janitor.command()
@output_option
@click.option("--rule", "rules", metavar="NAME", multiple=True, help="Only this rule; may be given more than once.")
@click.option("--all", "everything", is_flag=True, help="Also what is kept: protected, or not known.")
@reads_azure
@click.pass_context
def plan(context: click.Context, session: Session, output: str, rules: tuple[str, ...], everything: bool) -> None:
    """Show what looks unused now, what acting on it would save, and why. Changes and remembers nothing.

    Exits 20 when something could not be read, and says what.

    \b
    finops janitor plan
    finops janitor plan --rule instance-idle --all
    finops janitor plan --estate october -o json
    """
    from finops.cli.remembering import look_at
    from finops.jobs.sweeping import look

    with session.azure() as azure, look_at(session) as state:
        looked = look(azure, session.settings, session.now, state, note, rules)
    _show_plan(looked, output, everything)
    if not looked.complete:
        context.exit(PARTIAL)


@janitor.command()
@output_option
@reads_azure
@click.pass_context
def sweep(context: click.Context, session: Session, output: str) -> None:
    """Find what looks unused, remember it, and ask owners and approvers by mail. Changes nothing in Azure.

    Exits 20 when something could not be read or told, and says what. Mails wait for the end of the quiet hours.

    \b
    finops janitor sweep
    """
    from finops.cli.remembering import opened
    from finops.jobs.sweeping import sweep as job

    if session.estate:
        raise UsageError(
            "--estate was given: a recording has no owners to ask.",
            "Use `finops janitor plan --estate DIR`, or serve it with `finops simulate serve DIR` and give --azure.",
        )
    with opened(session, create=True) as state, session.azure() as azure:
        swept = job(azure, session.settings, state, session.now, note)
    words = {
        "new": "found for the first time",
        "asked": "found often enough to ask about",
        "changed": "changed since they were asked about: approvals are void",
        "kept": "kept: the rule does not hold any more, or they are protected",
        "gone": "not there any more",
        "exempt": "exempt now",
        "stale": "of a rule that asks no more",
        "expired": "expired: nobody decided, or an approval was not used",
        "unclear": "not read this time: left as they are",
    }
    rows = [{"What": said, "Findings": len(getattr(swept.changes, name))} for name, said in words.items()]
    found = {"What": "found by this sweep", "Findings": len(swept.looked.found.findings)}
    show([found, *(row for row in rows if output != "table" or row["Findings"])], output, title="Sweep")
    for problem in (*swept.looked.remarks, *swept.problems):
        note(f"! {problem}")
    for mail in swept.mails:
        note(f"Mail: {mail}")
    if swept.waiting:
        note(
            f"{swept.waiting} findings are told of after the quiet hours: by the next sweep, or `finops janitor tell`."
        )
    if swept.partial:
        context.exit(PARTIAL)


@janitor.command()
@reads_azure
@click.pass_context
def tell(context: click.Context, session: Session) -> None:
    """Leave the mails that wait: digests, reminders, receipts. Reads no Azure, changes nothing in it.

    \b
    finops janitor tell
    """
    from finops.cli.remembering import opened
    from finops.jobs.sweeping import tell as job

    with opened(session) as state:
        told = job(state, session.settings, session.now)
    for mail in told.mails:
        note(f"Mail: {mail}")
    for problem in told.problems:
        note(f"! {problem}")
    if told.waiting:
        note(f"{told.waiting} findings wait for the end of the quiet hours.")
    if not told.mails and not told.waiting:
        note("There is nothing to tell.")
    if told.problems:
        context.exit(PARTIAL)


@janitor.command("list")
@output_option
@click.option("--status", "statuses", metavar="STATUS", multiple=True, help="Only with this status.")
@click.option("--rule", metavar="NAME", default="", help="Only of this rule.")
@click.option("--owner", metavar="ADDRESS", default="", help="Only of this owner.")
@click.option("--search", metavar="TEXT", default="", help="Only with this text in id, owner or rule.")
@click.option("--all", "everything", is_flag=True, help="Also those whose life has ended.")
@click.option("--order", default="amount", show_default=True, help="amount, age, due, expires, changed, number, owner, "
              "rule or name.")  # fmt: skip
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="How many; 0: all.")
@reads_azure
def list_(
    session: Session, output: str, statuses: tuple[str, ...], rule: str, owner: str, search: str, everything: bool,
    order: str, limit: int,
) -> None:  # fmt: skip
    """List what is remembered, dearest first, each with the ID to decide on it by. Changes nothing.

    \b
    finops janitor list
    finops janitor list --status pending --owner ana@contoso.example
    finops janitor list --all -o csv
    """
    from finops.approvals import ENDED, STATUSES
    from finops.approvals.counted import counted_with
    from finops.cli.remembering import as_of, brief, opened, row, time_of
    from finops.state.casebook import ORDERS

    for given in statuses:
        if given not in STATUSES:
            raise UsageError(f"'{given}' is no status.", f"They are {', '.join(STATUSES)}.")
    if order not in ORDERS:
        raise UsageError(f"'{order}' is no order.", f"They are {', '.join(ORDERS)}.")
    wanted = statuses or (STATUSES if everything else [one for one in STATUSES if one not in ENDED])
    with opened(session) as state:
        now = time_of(session)
        found, total, amount = state.findings.all(
            wanted, rule, owner, search, order=order, limit=limit or None, now=now
        )
        # As the page and the report count: what is asked of one resource saves once, whoever found it.
        apart = counted_with(state)
        _, many, again = state.findings.all(wanted, rule, owner, search, limit=0, now=now, numbers=apart)
    found = [as_of(now, one) for one in found]
    if output != "table":
        show(map(row, found), output)
    else:
        show_rows(map(brief, found), ["Resource", "Owner"], "Findings")
        currency = next((one.currency for one in found if one.currency), "")
        worth, more = "several currencies, not added up", ""
        if amount is not None and again is not None:
            worth = f"{amount - again:,.2f} {currency}".strip()
            more = f"; {again:,.2f} more counts with what else is asked of the same resource: {many} of them"
        rest = f", {len(found)} shown (--limit)" if len(found) < total else ""
        click.echo(
            f"{count(total, 'finding')}{rest}. In all, as far as it is known: {worth} a month{more if again else ''}."
        )


@janitor.command("show")
@click.argument("number", metavar="ID", type=finding_number)
@output_option
@reads_azure
def show_(session: Session, number: int, output: str) -> None:
    """Show one finding: its evidence, what depends on it, who decided what, and its history. Changes nothing.

    \b
    finops janitor show 12
    finops janitor show 12 -o json
    """
    from finops.cli.remembering import as_of, opened, row, time_of, told

    with opened(session) as state:
        record = as_of(time_of(session), state.findings.get(number))
        events = state.findings.history(number)
    if output == "table":
        for line in told(record, events):
            click.echo(line)
        return
    whole = {
        **row(record),
        "evidence": record.finding.evidence,
        "history": [{"at": one.at, "who": one.who, "status": one.after, "why": one.why} for one in events],
    }
    show([whole], output)


@janitor.command()
@click.argument("number", metavar="[ID]", type=finding_number, required=False)
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True, help="The newest only; 0: all.")
@output_option
@reads_azure
def log(session: Session, number: int | None, limit: int, output: str) -> None:
    """Show what happened to a finding, or to all: who did what, when and why. Changes nothing.

    \b
    finops janitor log
    finops janitor log 12
    """
    from finops.cli.remembering import opened

    with opened(session) as state:
        events = state.findings.events() if number is None else state.findings.history(number)
    events = events[-limit:] if limit else events
    if output == "table":
        show_rows(
            (
                {"When (UTC)": one.at, "Finding": one.finding, "Status": one.after, "What": f"{one.who}: {one.why}"}
                for one in events
            ),
            ["What"],
            "Log",
        )
        return
    show(
        (
            {"When": one.at, "Finding": one.finding, "Status": one.after, "Who": one.who, "Why": one.why}
            for one in events
        ),
        output,
    )


def _show_plan(looked: Looked, output: str, everything: bool) -> None:
    from finops.cli.remembering import whole

    found, kept = looked.found.findings, looked.found.kept
    if output == "table":
        show_rows(map(_planned, found), ["Resource", "Why"], "Findings")
        if everything and kept:
            click.echo()
            show_rows(map(_spared, kept), ["Kept", "Why"], "Kept")
        unknown = sum(one.unknown for one in kept)
        click.echo(
            f"{count(len(found), 'finding')}; {len(kept)} kept, {unknown} of them because something is not known"
            f"{'' if everything or not kept else ' (--all)'}. "
            f"Amounts in {looked.currency or 'no known currency'} a month. Owners and all evidence: -o json."
        )
    else:
        show(
            (
                {**whole(one), "mode": looked.mode(one), "currency": looked.currency, "evidence": one.evidence}
                for one in found
            ),
            output,
        )
    for problem in (*looked.remarks, *looked.problems):
        note(f"! {problem}")


def _planned(one: Finding) -> dict[str, Any]:
    from finops.approvals.naming import VERBS, holder_of, name_of

    amount = one.saving if one.saving is not None else one.monthly_cost
    return {
        "Amount": None if amount is None else round(amount, 2),
        "Would": VERBS.get(one.action, one.action) + ("" if one.risk == "low" else ", high risk"),
        "Resource": f"{holder_of(one.resource_id)}/{name_of(one.resource_id)}".removeprefix("/"),
        "Why": f"{one.rule}: {one.why.partition('. ')[0].rstrip('.')}.",
    }


def _spared(one: Kept) -> dict[str, Any]:
    from finops.approvals.naming import holder_of, name_of

    return {
        "Unknown": "yes" if one.unknown else "",
        "Kept": f"{holder_of(one.resource_id)}/{name_of(one.resource_id)}".removeprefix("/"),
        "Why": f"{one.rule}: {one.why}",
    }
