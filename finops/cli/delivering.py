"""Say what became of the mails that a command left in the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finops.cli.output import note

if TYPE_CHECKING:
    from finops.mail import Delivered


def all_left(done: Delivered) -> bool:
    """Whether nobody is owed a mail any more, as far as this process can tell. Says whatever is wrong."""
    for problem in done.problems:
        note(f"! {problem}")
    if done.busy:
        note("Another process is sending now; it sends what waits here, too.")
        return True
    if done.waiting:
        one = done.waiting == 1
        note(f"! {done.waiting} {'mail is' if one else 'mails are'} still to be sent; `finops mail list --status "
             f"waiting` says why, `finops mail deliver` tries again.")  # fmt: skip
    return not done.problems and not done.waiting
