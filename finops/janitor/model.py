"""What the janitor decides by and what it decides: rules, findings, and what was kept and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from finops.conditions import Condition
from finops.estate import Gap

Json = dict[str, Any]

Action = Literal["stop", "scaleToZero", "delete", "deleteImage", "archive", "disable"]
ACTIONS: tuple[Action, ...] = ("stop", "scaleToZero", "delete", "deleteImage", "archive", "disable")
QuietAction = Literal["traffic0", "minNodes0", "stop"]
QUIET_ACTIONS: tuple[QuietAction, ...] = ("traffic0", "minNodes0", "stop")
Risk = Literal["low", "high"]

# off: not looked for. list: found and listed, nobody is asked. ask: owners and approvers are asked, what they approve
# waits. act: what is approved is done by the next `janitor apply`.
Mode = Literal["off", "list", "ask", "act"]
MODES: tuple[Mode, ...] = ("off", "list", "ask", "act")


@dataclass(frozen=True)
class Quiet:
    """The step before a deletion that is taken back by itself at the first sign of life within `days`."""

    action: QuietAction
    days: int


@dataclass(frozen=True)
class Leaf:
    """One condition of a rule that cannot be taken apart: where it stands, what is asked of what.

    subject   the field, or the expression
    operator  in Azure's spelling
    asked     what it is compared with, with the parameters' values in place
    """

    place: str
    subject: str
    operator: str
    asked: Any


@dataclass(frozen=True)
class Rule:
    """One kind of waste, as configured.

    type          the resource type in lower case
    kind          of a compute, its computeType in lower case; "" where the rule is about every kind
    why           to the owner; {facts.x} and {parameters.x} stand for what was measured and what is asked
    grace_days    working days from asking the owner to acting
    persist_runs  in how many runs, one after the other, it must be found before anybody is asked
    digest        of all that an approver relies on: not of the mode
    source        the file it was read from
    leaves        its conditions one by one, for people
    """

    name: str
    title: str
    why: str
    type: str
    condition: Condition = field(repr=False)
    parameters: Mapping[str, Any]
    action: Action
    quiet: Quiet | None
    grace_days: int
    risk: Risk
    persist_runs: int
    digest: str
    mode: Mode
    source: str = ""
    leaves: tuple[Leaf, ...] = field(default=(), repr=False)
    kind: str = ""


@dataclass(frozen=True)
class Finding:
    """One resource that a rule takes for waste.

    resource_id   as Azure spells it
    generation    systemData.createdAt: tells it from a namesake; of an image, its digest
    fingerprint   of its spec: the same when it is deleted and made again alike
    digest        of what an approver sees and what must not change: not of ages and costs, which move by themselves
    evidence      JSON for people, see docs/janitor-rules.md: title, asOf, checks, lines, facts, goesWithIt, risks, and
                  where there is a series: usage [[day, value], ...], usageOf, threshold
    owner         an address, "" where nobody is known
    monthly_cost  what it cost in the last 30 days, in BillingCurrency; None: not known
    saving        what acting saves a month, in the same; None: not known
    dependents    what refers to it, in words
    not_checked   what could not be checked, in words
    """

    rule: str
    resource_id: str
    generation: str
    fingerprint: str
    digest: str
    action: Action
    why: str
    evidence: Json
    owner: str
    risk: Risk
    monthly_cost: Decimal | None
    saving: Decimal | None
    dependents: tuple[str, ...]
    not_checked: tuple[str, ...]
    grace_days: int
    quiet: Quiet | None


@dataclass(frozen=True)
class Kept:
    """A resource that is left alone though a rule may apply: something is not known (`unknown`), or it is protected."""

    rule: str
    resource_id: str
    why: str
    unknown: bool


@dataclass(frozen=True)
class Found:
    """What one look at an estate gave. `looked_at`: how many resources each rule looked at."""

    findings: tuple[Finding, ...]
    kept: tuple[Kept, ...]
    looked_at: Mapping[str, int]
    gaps: tuple[Gap, ...] = ()
