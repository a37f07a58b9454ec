"""What a restore did, line by line: what is in place now, and what nobody knows any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finops.state.lost import Lost
    from finops.state.restoring import Restored


def told(done: Restored) -> Iterator[str]:
    """For people: what was restored, then everything that was done since and is not known to it."""
    from finops.state.migrate import HEAD

    content = done.content
    yield f"{done.to} holds what {done.backup.name} held: {sum(content.rows.values()):,} rows."
    upgraded = "" if content.schema == HEAD else f" It had schema {content.schema} and was brought to {HEAD}."
    summed = "Its SHA-256 is right." if done.summed else "No SHA-256 stood beside it."
    yield f"{summed}{upgraded}"
    if content.trail.fault:
        yield f"AS IT IS: its audit trail is NOT whole. {content.trail.fault}"
    else:
        ends = f", the last one of {done.newest:%Y-%m-%d %H:%M} UTC" if done.newest else ""
        yield f"Its audit trail is whole: {content.trail.entries:,} entries{ends}. Its head: {content.trail.head}"
    if done.aside:
        yield f"What was there before is kept in {done.aside}."
    yield ""
    yield "What was done after this backup is not known to it:"
    for line in _since(done.lost):
        yield f"- {line}"
    yield (
        "- Heads of the audit trail that were noted since are not on it, and `finops audit verify` will say so: tell "
        "those who watch them."
    )
    if content.open_intents:
        yield (
            f"- {_many(content.open_intents, 'act was', 'acts were')} under way: the next run reads in Azure what "
            "became of them before it does anything else."
        )
    if done.withdrawn:
        numbers = ", ".join(str(number) for number in done.withdrawn[:20])
        yield (
            f"- {_many(len(done.withdrawn), 'approval was', 'approvals were')} withdrawn, for nobody knows whether "
            f"they were used since: findings {numbers}{', ...' if len(done.withdrawn) > 20 else ''}."
        )
    yield "- Approvals, denials and snoozes given since are gone: people have to say so again."
    if done.owed:
        yield (
            f"- {_many(done.owed, 'recipient still waits', 'recipients still wait')} for a letter: whether it was sent "
            "since cannot be known, so it may come a second time."
        )
    yield "- Duties whose time came since run again, and what they mailed then may be mailed again."


def _since(lost: Lost | None) -> Iterator[str]:
    if lost is None:
        yield "What was there before cannot tell how much that is; Azure's activity log can."
        return
    if not lost.same:
        yield "The database before it had ANOTHER audit trail: is this the right backup?"
    if lost.newer:
        yield "The database before it was older than the backup."
    if lost.entries:
        yield f"{_many(lost.entries, 'entry', 'entries')} of the audit trail; its head was {lost.head}."
    if lost.acts:
        yield f"{_many(lost.acts, 'act', 'acts')} in Azure:"
        for one in lost.named:
            yield f"  {_plain(one)}"
        if lost.acts > len(lost.named):
            yield f"  and {lost.acts - len(lost.named):,} more."
    for count, one, more in (
        (lost.votes, "word of a person", "words of people"), (lost.sent, "mail that was sent", "mails that were sent"),
        (lost.runs, "run of a duty", "runs of duties"),
    ):  # fmt: skip
        if count:
            yield f"{_many(count, one, more)}."


def _many(count: int, one: str, more: str) -> str:
    return f"{count:,} {one if count == 1 else more}"


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
