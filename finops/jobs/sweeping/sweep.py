"""The sweep: read what exists, find waste by the rules, remember it, and tell whose it is. Changes nothing in Azure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from finops import approvals, estate, exemptions, images, janitor, prices
from finops.approvals import Changes
from finops.errors import UsageError
from finops.estate import Estate, Gap
from finops.estate.facts import LISTED_ON_REQUEST
from finops.estate.ids import key
from finops.estate.look import as_arm_says
from finops.estate.queries import BATCH_DEPLOYMENT, DEPLOYMENT
from finops.exemptions import Exemption, Exemptions
from finops.janitor import Finding, Found, Rule
from finops.jobs.guarding.reading import book_or_none
from finops.jobs.sweeping.allowing import refusals
from finops.jobs.sweeping.telling import tell

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.state import State

BELOW = (DEPLOYMENT, BATCH_DEPLOYMENT)  # what goes with an endpoint
SEEN = "janitor"  # what a resource was first seen as, in the state


@dataclass(frozen=True)
class Looked:
    """What one look found, before anything is remembered."""

    estate: Estate
    rules: tuple[Rule, ...]
    found: Found
    exemptions: Exemptions
    currency: str
    problems: tuple[str, ...]  # what could not be read
    remarks: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return not self.problems

    def mode(self, finding: Finding) -> str:
        return next((rule.mode for rule in self.rules if rule.name == finding.rule), "off")


@dataclass(frozen=True)
class Swept:
    """One sweep: what it found, what that changed in the state, and the mails that it left."""

    looked: Looked
    changes: Changes
    mails: tuple[Path, ...]
    problems: tuple[str, ...]
    waiting: int = 0  # findings that are told of after the quiet hours

    @property
    def partial(self) -> bool:
        """Whether something could not be read, or told."""
        return bool(self.problems)


def sweep(
    azure: Azure, settings: Settings, state: State, now: datetime, step: Callable[[str], None] = lambda doing: None
) -> Swept:
    """Find waste and remember it; ask owners and approvers by mail. Changes nothing in Azure."""
    looked = look(azure, settings, now, state, step, remember=True)
    step("Remembering what was found")
    changes = approvals.record(
        state, looked.found, looked.rules, now, settings, looked.estate.resources, looked.currency, looked.exemptions
    )
    step("Telling owners and approvers")
    told = tell(state, settings, now)
    problems = (*looked.problems, *changes.problems, *told.problems)
    return Swept(looked, changes, told.mails, problems, told.waiting)


def look(
    azure: Azure,
    settings: Settings,
    now: datetime,
    state: State | None = None,
    step: Callable[[str], None] = lambda doing: None,
    only: Iterable[str] = (),
    remember: bool = False,
) -> Looked:
    """What the rules take for waste now. only: names of rules; none: all that are not off.

    remember: note in the state what was seen for the first time; without it nothing at all is written
    """
    rules = [rule for rule in janitor.rules(janitor.folders(settings), settings.janitor) if rule.mode != "off"]
    if only:
        for name in set(only) - {rule.name for rule in rules}:
            raise UsageError(f"'{name}' is no rule that is on.", f"Those are {', '.join(rule.name for rule in rules)}.")
        rules = [rule for rule in rules if rule.name in set(only)]
    filed = _filed(settings, now)
    said = list(approvals.words(state, now)) if state else []
    step("Reading the estate")
    evidence = estate.gather(azure, now, facts=facts_of(rules), pricing=prices)
    step("Asking what it costs")
    problems: list[str] = []
    with book_or_none(azure, settings, now, problems) as book:
        found = estate.with_facts(evidence, book, _first_seen(evidence.bodies, state, now, remember))
        currency = book.currencies[0] if book and len(book.currencies) == 1 else ""
    if any(rule.type == images.TYPE for rule in rules):
        step("Reading container images")
        own = settings.janitor
        held = images.read(azure, found, now, own.keep_newest, job_days=own.job_days, files=own.image_files)
        found = found.merged(held.resources(), held.gaps)
    if remember:
        step("Reading again what was found")
        found = _as_arm_says(azure, found, rules, now, settings, filed)
    problems += _said(found.gaps)
    problems += refusals(settings, state).values() if state else ()
    keeps = Exemptions([*exemptions.by_tag(found.resources.values(), now, settings.guard.exemption_days), *filed])
    remarks = [f"The exemption of {one.scope} still keeps, but: {one.problem}" for one in keeps.all if one.problem]
    step("Comparing it with the rules")
    return Looked(
        found,
        tuple(rules),
        janitor.find(found, rules, now, settings, filed, said),
        keeps,
        currency,
        tuple(problems),
        tuple(remarks),
    )


def _as_arm_says(
    azure: Azure, found: Estate, rules: Sequence[Rule], now: datetime, settings: Settings, filed: list[Exemption]
) -> Estate:
    """What may be asked about, as ARM has it: `finops janitor apply` compares with that what it reads there."""
    asking = [rule for rule in rules if rule.mode in ("ask", "act")]
    ids = [one.resource_id for one in janitor.find(found, asking, now, settings, filed).findings]
    below = [child.id for one in ids for child in found.children(one) if child.type in BELOW]
    return as_arm_says(azure, found, [*ids, *below])


def facts_of(rules: Sequence[Rule]) -> frozenset[str]:
    """Names of the facts and types that the rules need; for images, of all that may refer to one."""
    further = LISTED_ON_REQUEST if any(rule.type == images.TYPE for rule in rules) else ()
    return janitor.wanted(rules) | frozenset(further)


def _said(gaps: Iterable[Gap]) -> Iterator[str]:
    """What could not be read, in sentences; what failed alike for many is said once."""
    alike: dict[tuple[str, str], list[Gap]] = {}
    for gap in gaps:
        alike.setdefault((gap.what, gap.code or gap.reason), []).append(gap)
    for (what, _), found in alike.items():
        more = f" (and {len(found) - 1} more like it)" if len(found) > 1 else ""
        yield f"{what} below {found[0].scope}{more} could not be read: {found[0].reason}"


def _filed(settings: Settings, now: datetime) -> list[Exemption]:
    guard = settings.guard
    if guard.exemptions is None:
        return []
    known = [*exemptions.RULES, *janitor.names(janitor.folders(settings))]
    return exemptions.by_file(guard.exemptions, now, guard.exemption_days, known)


def _first_seen(ids: Iterable[str], state: State | None, now: datetime, remember: bool) -> dict[str, datetime] | None:
    """When our own memory first saw each resource."""
    if state is None:
        return None
    if not remember:
        return state.sightings(SEEN)
    return {seen[0]: first for seen, first in state.seen([(key(one), SEEN, "") for one in ids], now).items()}
