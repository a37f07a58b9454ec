"""The life of a finding: its statuses, and from which to which it may go. Nothing else moves one."""

from __future__ import annotations

# found -> asked -> pending -> approved -> scheduled -> (quiet ->) acted -> confirmed -> restored
#                     ^           |            |           |         |
#                     +-----------+------------+-----------+         +--> failed -> asked
#                   the evidence changed: votes void, told anew
#
# Before it is acted on, each can become denied, snoozed, exempt, expired or stale, and come back from there;
# kept and gone end its life.
WORDS = {
    "found": "found, and watched until it was found often enough to ask anybody",
    "asked": "its owner is being asked",
    "pending": "waits for a decision",
    "approved": "approved by as many as its risk needs; waits for the end of the grace and for working hours",
    "scheduled": "its time has come: the next `finops janitor apply --execute` checks it again, and acts",
    "quiet": "takes no work any more, and is watched: at the first sign of life this is taken back",
    "acted": "the request was sent, and is not confirmed yet",
    "confirmed": "done, as reading it again showed",
    "restored": "done, and undone",
    "failed": "was to be done, and was not",
    "denied": "a person said no",
    "snoozed": "left alone until a day, for a reason",
    "exempt": "exempt until a day, for a reason",
    "expired": "nobody decided in time, or an approval was not used in time: nothing happens",
    "stale": "its rule does not look at it any more",
    "kept": "kept: the rule does not hold any more",
    "gone": "is not there any more",
}

_SIDE = frozenset({"denied", "snoozed", "exempt", "expired", "stale"})
_END = frozenset({"kept", "gone"})

MOVES: dict[str, frozenset[str]] = {
    "found": frozenset({"asked", "denied", "snoozed", "exempt", "stale"}) | _END,
    "asked": frozenset({"pending"}) | _SIDE | _END,
    "pending": frozenset({"pending", "approved"}) | _SIDE | _END,
    "approved": frozenset({"scheduled", "pending"}) | _SIDE | _END,
    "scheduled": frozenset({"quiet", "acted", "pending", "failed"}) | _SIDE | _END,
    "quiet": frozenset({"acted", "pending", "failed"}) | _SIDE | _END,
    "acted": frozenset({"confirmed", "failed"}),
    "confirmed": frozenset({"restored"}),
    "failed": frozenset({"asked", "found", "snoozed", "exempt", "denied", "stale"}) | _END,
    "denied": frozenset({"asked", "found", "snoozed", "exempt", "stale"}) | _END,
    "snoozed": frozenset({"asked", "found", "denied", "exempt", "stale"}) | _END,
    "exempt": frozenset({"asked", "found", "stale"}) | _END,
    "expired": frozenset({"asked", "found", "snoozed", "exempt", "denied", "stale"}) | _END,
    "stale": frozenset({"asked", "found", "exempt"}) | _END,
    "restored": frozenset(),
    "kept": frozenset(),
    "gone": frozenset(),
}
STATUSES = tuple(MOVES)

# These end a life; what is found again later begins another one.
ENDED = frozenset({"confirmed", "restored", "kept", "gone"})
# In these a valid approval is needed, and checked in the transaction that enters `quiet` and `acted`.
APPROVED = frozenset({"approved", "scheduled", "quiet"})
# In these it waits for people, or for the sweep that asks them again.
WAITING = frozenset({"expired", "found", "asked", "pending"})
# In these a person can say no, or not now. Yes can only be said to what is pending.
OPEN = frozenset(
    {"found", "asked", "pending", "approved", "scheduled", "quiet", "failed", "expired", "snoozed", "denied"}
)


def allowed(before: str, after: str) -> bool:
    return after in MOVES.get(before, frozenset())
