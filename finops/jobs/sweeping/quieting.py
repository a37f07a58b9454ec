"""Quiet steps: what takes no work any more is watched for days, and gets its work back at the first sign of life.

Like every change, a quiet step is made only of what people approved; it is the first half of what they approved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from finops import approvals, tombstones
from finops.acts import Caps, generation_of, perform, state_of
from finops.errors import AzureError, FinopsError
from finops.estate import Estate, Known
from finops.estate.evidence import moment_of, targets
from finops.estate.generation import same_generation
from finops.estate.ids import key, scopes
from finops.estate.model import Json, text
from finops.estate.queries import ML_VERSION
from finops.jobs.sweeping.acting import BACK, change_of, restoring
from finops.jobs.sweeping.checking import check
from finops.jobs.sweeping.tombs import QUIETED
from finops.state import Record

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.jobs.sweeping.looking import Looker
    from finops.state import State

WHO = "finops janitor apply"
# With these there is nothing left to give back to.
OVER = {"confirmed", "restored", "gone"}
Said = tuple[Literal["done", "held", "failed", "unknown", "void"], str, str]


class Watch:
    """Looks after what is in a quiet step. `over`: records whose days are over without a sign of life."""

    def __init__(
        self, azure: Azure, settings: Settings, state: State, looker: Looker, now: datetime,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self.azure, self.settings, self.state, self.looker, self.now = azure, settings, state, looker, now
        self.stopping = stopping
        self.over: list[Record] = []

    def all(self) -> Iterator[tuple[int, Said]]:
        """What was done about each, by number; nothing about those that only wait."""
        for name, tombstone in self.state.kept(QUIETED).items():
            if self.stopping():
                return
            record = self.state.findings.get(int(name.removeprefix(QUIETED)))
            if record.status in OVER:
                self.state.drop(name)
            elif record.status == "quiet":
                yield from ((record.number, said) for said in self._one(record, tombstone))
            elif record.status != "acted":
                # People, or the rule, decided against it while it was quiet; or the change after it failed.
                said = self._given_back(record, tombstone, f"The finding is {record.status}: {record.note}")
                if said is not None:
                    yield record.number, said

    def _one(self, record: Record, tombstone: str) -> Iterator[Said]:
        if why := approvals.invalid(record, self.now):
            # Somebody wants it to be left alone, or the approval ran out: nothing stays taken away without one.
            moved = approvals.moved(
                self.state, record.number, approvals.aside(record), f"{why} {record.note}", self.now, WHO
            )
            yield self._given_back(moved, tombstone, why) or ("done", "ended the quiet step", why)
            return
        try:
            body = state_of(self.azure, record.finding.resource_id, ML_VERSION)
            if body is None or not same_generation(generation_of(body), record.finding.generation):
                why = "It is not there any more."
                approvals.moved(self.state, record.number, "gone", why, self.now, WHO)
                yield "void", "watch it", why
                return
            seen, found = self.looker.look([record], self.now)
        except AzureError as fault:
            yield "held", "watch it", f"It could not be looked at: {fault} It stays quiet until it can."
            return
        sign = sign_of_life(record, body, seen)
        checked = check(record, seen, found)
        if sign is None and checked.verdict == "unknown":
            yield "held", "watch it", f"{checked.why} It stays quiet, and is looked at again by the next run."
            return
        if sign is None and checked.verdict in {"kept", "differs"}:
            sign = checked.why
        if sign is not None:
            approvals.moved(self.state, record.number, "kept", f"It came back to life: {sign}", self.now, WHO)
            said = self._given_back(record, tombstone, sign)
            yield said or ("done", "ended the quiet step", sign)
        elif record.quiet_until is not None and record.quiet_until <= self.now:
            self.over.append(record)

    def _given_back(self, record: Record, reference: str, why: str) -> Said | None:
        """Give it back what its tombstone says that it had; None where it has it. Until that is done it is owed."""
        decision = f"the quiet step of finding {record.number} is taken back: {why}"
        did = left = ""
        try:
            tombstone = tombstones.read(self.settings.janitor.tombstones, reference)
            if tombstone.content.action != "stop":  # whoever needs an instance starts it; else nobody wants to pay
                for step in tombstones.steps(tombstone, self._look):
                    act = restoring(self.azure, record, step, self._look(step.id, step.api_version), why, BACK)
                    # What was taken away is given back, whatever the caps say.
                    [outcome] = perform(
                        [act], self.azure, self.state, Caps(1, 100, None, None, 1), self.now, decision,
                        self.settings.janitor.kill_switch, WHO,
                    )  # fmt: skip
                    if outcome.result != "done":
                        return "unknown" if outcome.result == "unknown" else "held", step.says, outcome.why
                    did = step.says
                left = "; ".join(tombstones.conflicts(tombstone.content, self._look))
        except FinopsError as fault:
            if self._look(record.finding.resource_id, ML_VERSION) is None:
                self.state.drop(f"{QUIETED}{record.number}")
                return None
            return "held", "take the quiet step back", str(fault)
        self.state.drop(f"{QUIETED}{record.number}")
        if left:
            why = f"{why} Not given back, as somebody has changed it since: {left}."
            self.state.audit(
                WHO, "not given back", record.finding.resource_id, why, {"record": record.number}, self.now
            )
            return "done", did or "ended the quiet step", why
        return ("done", did, why) if did else None

    def _look(self, resource_id: str, api_version: str) -> Json | None:
        return state_of(self.azure, resource_id, api_version)


def waits_for(state: State, record: Record) -> str:
    """Why an act on account of this record has to wait, "" where it has not: another one has it in a quiet step.

    What that took away is no state to write a tombstone of, and no evidence that it is waste.
    """
    mine = record.finding.resource_id
    for kept in state.kept(QUIETED) if record.status != "quiet" else ():
        other = state.findings.get(int(kept.removeprefix(QUIETED)))
        its = other.finding.resource_id
        # What is above it or below it counts, too: a deployment has no traffic while its endpoint is quiet.
        if other.number != record.number and (key(its) in scopes(mine) or key(mine) in scopes(its)):
            name = its.rpartition("/")[2]
            return f"Finding {other.number} has {name} in a quiet step: this waits until that is over."
    return ""


def sign_of_life(record: Record, body: Json, seen: Estate) -> str | None:
    """What shows that somebody needs it, since the quiet step began; None for nothing."""
    action = str((record.finding.quiet or {}).get("action", ""))
    if change_of(action, body) is not None:
        return {
            "traffic0": "Somebody gave it traffic again.",
            "minNodes0": "Somebody set its minimum of nodes again.",
            "stop": f"Somebody started it: it is {text(body, 'properties.properties.state')}.",
        }[action]
    resource = seen.resources.get(key(record.finding.resource_id))
    facts = resource.facts if resource else {}
    began = record.changed_at
    last = facts.get("lastRequest")
    # The start of the hour: a request of the hour in which it fell silent counts as one.
    if isinstance(last, Known) and last.value >= began.replace(minute=0, second=0, microsecond=0):
        return f"It was asked something in the hour of {last.value:%Y-%m-%d %H:%M} UTC."
    silent = facts.get("daysWithoutRequests")
    if isinstance(silent, Known) and silent.value < (silent.as_of - began).days:
        return f"It was asked something {silent.value} days ago."
    for name, what in (("runningJobs", "runs"), ("queuedJobs", "waits")):
        count = facts.get(name)
        if isinstance(count, Known) and count.value:
            return f"A job {what} on it."
    for job in seen.resources.values():
        made = moment_of(job.body, "systemData.createdAt") if job.type.endswith("/jobs") else None
        if made is not None and made > began and key(record.finding.resource_id) in targets(job.body):
            return f"The job {job.id.rpartition('/')[2]} was sent to it on {made:%Y-%m-%d %H:%M} UTC."
    return None
