"""The life of a finding: its statuses, and from which to which it may go. Nothing else moves one."""

from __future__ import annotations

#   found ---> asked ---> pending ---> approved ---> scheduled --(quiet)--> acted ---> confirmed ---> restored
#                 \         |  ^          |              |                    |
#                  \        |  +-- the evidence changed: votes void, told anew +---> failed
#                   +-> denied, snoozed, exempt, expired, stale; kept and gone end a life at any step before acting
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

MOVES: dict[str, frozenset[str]] = {
    "found": frozenset({"asked", "snoozed", "exempt", "stale", "kept", "gone"}),
    "asked": frozenset({"pending", "denied", "snoozed", "exempt", "stale", "kept", "gone", "expired"}),
    "pending": frozenset({"approved", "denied", "snoozed", "exempt", "expired", "stale", "kept", "gone", "asked"}),
    "approved": frozenset(
        {"scheduled", "asked", "pending", "denied", "snoozed", "exempt", "expired", "stale", "kept", "gone"}
    ),
    "scheduled": frozenset(
        {"acted", "quiet", "asked", "pending", "denied", "snoozed", "exempt", "expired", "stale", "kept", "gone"}
        | {"failed"}
    ),
    "quiet": frozenset({"acted", "pending", "kept", "gone", "denied", "snoozed", "exempt", "failed", "expired"}),
    "acted": frozenset({"confirmed", "failed", "pending"}),
    "confirmed": frozenset({"restored"}),
    "failed": frozenset({"asked", "kept", "gone", "exempt", "stale"}),
    "denied": frozenset({"asked", "snoozed", "exempt", "stale", "kept", "gone"}),
    "snoozed": frozenset({"found", "asked", "exempt", "denied", "stale", "kept", "gone"}),
    "exempt": frozenset({"found", "asked", "stale", "kept", "gone"}),
    "expired": frozenset({"asked", "snoozed", "exempt", "denied", "stale", "kept", "gone"}),
    "stale": frozenset({"found", "asked", "kept", "gone", "exempt"}),
    "restored": frozenset(),
    "kept": frozenset(),
    "gone": frozenset(),
}
STATUSES = tuple(MOVES)

# These end a life; what is found again later begins another one.
ENDED = frozenset({"confirmed", "restored", "kept", "gone"})
# In these a valid approval is needed, and checked in the transaction that enters `quiet` and `acted`.
APPROVED = frozenset({"approved", "scheduled", "quiet"})
# In these a person can still decide.
OPEN = frozenset({"asked", "pending"})


def allowed(before: str, after: str) -> bool:
    return after in MOVES.get(before, frozenset())
