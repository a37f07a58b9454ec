"""`finops mail`: the outbox. What waits, what left, what failed; deliver it, try it again, check the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.cli.remembering import look_at, opened, person
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, FinopsError

if TYPE_CHECKING:
    from finops.state import StoredLetter

COLUMNS = ["number", "put", "status", "kind", "subject", "to", "note"]


@click.group()
def mail() -> None:
    """The outbox: what waits, what left, what failed; deliver it."""


@mail.command("list")
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(["waiting", "sent", "failed", "unsure"]),
    help="Only letters that somebody has not (yet) got so; may be repeated.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Newest letters to show.")
@output_option
@reads_azure
def list_letters(session: Session, statuses: tuple[str, ...], limit: int, output: str) -> None:
    """List the newest letters and what became of them. Changes nothing, sends nothing.

    \b
    finops mail list
    finops mail list --status unsure --status failed
    """
    with look_at(session) as state:
        found = state.letters.newest(statuses, limit) if state else []
    show([_row(one) for one in found], output, COLUMNS, title="Letters")


@mail.command("show")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--eml", is_flag=True, help="Print the mail itself, as it was put.")
@output_option
@reads_azure
def show_letter(session: Session, number: int, eml: bool, output: str) -> None:
    """Show one letter: everybody who is owed it, and every attempt. Changes nothing, sends nothing."""
    with opened(session) as state:
        letter = state.letters.get(number)
        tried = state.letters.attempts(number)
        content = state.letters.content(number) if eml else b""
    if eml and not content:
        raise FinopsError(
            f"The content of letter {number} was cleared after {session.settings.mail.keep_days} days.",
            "Set mail.keep_days to keep mails for longer; where it was left as a file, that is not touched.",
        )
    if eml:
        click.echo(content, nl=False)
        return
    people: list[dict[str, Any]] = [
        {"channel": one.channel, "to": one.address, "status": one.status, "tries": one.tries, "next": one.due_at,
         "note": one.note}
        for one in letter.recipients
    ]  # fmt: skip
    attempts: list[dict[str, Any]] = [
        {"number": one.number, "transport": one.transport, "began": one.began_at, "handed": one.handed_at,
         "outcome": one.outcome or "not known yet", "messageId": one.wire_id, "said": one.said}
        for one in tried
    ]  # fmt: skip
    if output == "table":
        click.echo(f"{letter.subject}\n{letter.message_id}, put {letter.put_at:%Y-%m-%d %H:%M} UTC, {letter.status}")
        show(people, output, title="To")
        show(attempts, output, title="Attempts")
    else:
        show([_row(letter) | {"recipients": people, "attempts": attempts}], output)


@mail.command()
@reads_azure
@click.pass_context
def deliver(context: click.Context, session: Session) -> None:
    """Send what is due, and find out what became of what may have left. Changes nothing in Azure.

    Exits 20 when something could not be sent, or a person has to decide.
    """
    from finops.mail import Post

    with opened(session, create=True) as state:
        settings = session.settings
        done = Post(state, settings.mail, settings.azure).deliver(session.now)
    for problem in done.problems:
        note(f"! {problem}")
    if done.busy:
        note("Another process is sending now; it sends what waits here, too.")
    click.echo(f"{done.sent} sent, {done.failed} given up, {done.held} held, {done.waiting} waiting.")
    if done.problems:
        context.exit(PARTIAL)


@mail.command()
@click.argument("number", type=click.IntRange(min=1))
@click.option("--arrived", is_flag=True, help="It did arrive, as people say: take it for sent, and send nothing.")
@reads_azure
def retry(session: Session, number: int, arrived: bool) -> None:
    """Have a letter sent again to those for whom it failed, or of whom nobody knows. Sent by the next delivery.

    \b
    finops mail retry 12
    finops mail retry 12 --arrived
    """
    from finops.mail import Post

    with opened(session) as state:
        post = Post(state, session.settings.mail, session.settings.azure)
        who = person().name
        state.letters.get(number)
        count = post.arrived(number, session.now, who) if arrived else post.retry(number, session.now)
    if not count:
        raise FinopsError(
            f"Nobody is owed letter {number} in that way.", f"`finops mail show {number}` says what became of it."
        )
    click.echo(f"{count} {'taken for sent' if arrived else 'to be tried again: `finops mail deliver`'}.")


@mail.command()
@output_option
@reads_azure
@click.pass_context
def check(context: click.Context, session: Session, output: str) -> None:
    """Say whether the ways out can be reached and sign us in. Sends nothing, changes nothing.

    Exits 1 when one cannot.
    """
    from finops.mail.carriers import carriers

    rows: list[dict[str, Any]] = []
    with carriers(session.settings.mail, session.settings.azure) as ways:
        for channel, way in ways.items():
            try:
                rows.append({"channel": channel, "transport": way.name, "well": True, "found": way.check()})
            except FinopsError as fault:
                rows.append({"channel": channel, "transport": way.name, "well": False, "found": str(fault)})
    show(rows, output, title="Ways out")
    if not all(one["well"] for one in rows):
        context.exit(1)


def _row(letter: StoredLetter) -> dict[str, Any]:
    return {
        "number": letter.number,
        "put": letter.put_at,
        "status": letter.status,
        "kind": letter.kind,
        "subject": letter.subject,
        "to": ", ".join(one.address or one.channel for one in letter.recipients),
        "note": next((one.note for one in letter.recipients if one.status != "sent" and one.note), ""),
    }
