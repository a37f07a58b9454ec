"""Makes again what was deleted, from its tombstone, and proves it equal. Killed, it goes on where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from finops import approvals, tombstones
from finops.acts import Act, Caps, generation_of, perform, reconcile, state_of
from finops.approvals.whose import of_janitor
from finops.errors import FinopsError
from finops.estate.evidence import moment_of
from finops.estate.generation import same_generation
from finops.estate.ids import key
from finops.estate.model import text
from finops.jobs.sweeping.acting import RULE, UNDO, restoring
from finops.jobs.sweeping.settling import BEFORE, of_record, settle
from finops.state import Record
from finops.tombstones import Comparison, Step

if TYPE_CHECKING:
    from finops.cloud import Azure, Json
    from finops.config.model import Settings
    from finops.state import State

# How far our clock and Azure's may be apart, with the time that it takes to make something.
CLOCKS = timedelta(minutes=2)
UNDOABLE = {"confirmed", "quiet", "failed"}
MADE = "janitor/made/"  # kept under, by number, while an undo is not finished: the generation of what it made


@dataclass(frozen=True)
class Undone:
    """One undo. `steps`: what was done, or what would be done first. `for_people`: commands for what we may not do."""

    record: Record
    steps: tuple[str, ...] = ()
    compared: tuple[Comparison, ...] = ()
    lost: tuple[str, ...] = ()
    for_people: tuple[str, ...] = ()
    stopped: str = ""  # why it is not finished, "" where it is
    dry: bool = False

    @property
    def equal(self) -> bool:
        """Whether everything that can come back is there again as it was."""
        return not self.dry and not self.stopped and not self.for_people and all(one.same for one in self.compared)


def undo(
    azure: Azure,
    settings: Settings,
    state: State,
    number: int,
    now: datetime,
    who: str,
    dry: bool = False,
    step: Callable[[str], None] = lambda doing: None,
) -> Undone:
    """Undo what was done on account of finding `number`. dry: only say what would be done first; changes nothing."""
    if dry:
        return _Undo(azure, settings, state, number, now, who, step).rehearsed()
    with state.turn():
        step("Looking at what an earlier run left open")
        reconcile(azure, state, now, who)
        settle(state, settings.janitor, now)
        return _Undo(azure, settings, state, number, now, who, step).carried_out()


@dataclass
class _Undo:
    azure: Azure
    settings: Settings
    state: State
    number: int
    now: datetime
    who: str
    step: Callable[[str], None]
    done: list[str] = field(default_factory=list)
    for_people: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.record = self.state.findings.get(self.number)
        if not of_janitor(self.record):
            name = self.record.finding.resource_id.rpartition("/")[2]
            raise FinopsError(f"Finding {self.number} is about access tiers.", f"finops tier undo --account {name}")
        if self.record.status == "restored":
            raise FinopsError(
                f"Finding {self.number} was undone on {self.record.changed_at:%Y-%m-%d %H:%M} UTC already.",
                "What people have changed since is theirs: nothing more is undone.",
            )
        if self.record.status not in UNDOABLE or not self.record.tombstone:
            raise FinopsError(
                f"Finding {self.number} is {self.record.status}: there is nothing that could be undone.",
                f"Look at it: finops janitor show {self.number}",
            )
        self.tombstone = tombstones.read(self.settings.janitor.tombstones, self.record.tombstone)
        self.content = self.tombstone.content

    def rehearsed(self) -> Undone:
        self._refuse_somebody_elses()
        said = tuple(one.says for one, _ in zip(self._steps(), range(1), strict=False))
        return Undone(self.record, said, lost=self.content.lost, dry=True)

    def carried_out(self) -> Undone:
        self._refuse_somebody_elses()
        stopped = ""
        try:
            for one in self._steps():
                self.step(f"{one.says[0].upper()}{one.says[1:]}")
                if stopped := self._carried_out(one):
                    break
            compared = () if stopped else tuple(self._compared())
            stopped = stopped or _unfinished(compared)
        except FinopsError as fault:
            stopped, compared = str(fault), ()
        found = Undone(self.record, tuple(self.done), compared, self.content.lost, tuple(self.for_people), stopped)
        return replace(found, record=self._recorded(found))

    def _steps(self) -> Iterator[Step]:
        return tombstones.steps(self.tombstone, self._look)

    def _look(self, resource_id: str, api_version: str) -> Json | None:
        return state_of(self.azure, resource_id, api_version)

    def _refuse_somebody_elses(self) -> None:
        """Raise where something of the same name is there that neither was deleted nor was made by an undo of ours."""
        main = self.record.finding.resource_id
        body = self._look(main, tombstones.version_of(self.content))
        if body is None:
            return
        ours = (self.tombstone.generation, *self._made())
        if any(same_generation(generation_of(body), one) for one in ours):
            return
        by = text(body, "systemData.createdBy")
        raise FinopsError(
            f"Something of the name {main} is there, made {generation_of(body)}{f' by {by}' if by else ''}.",
            "It is not touched. Rename or delete it first, if what was deleted is wanted in its place.",
        )

    def _made(self) -> Iterator[str]:
        """The generation of what an undo of ours made; where that died before it was written down, from its intent."""
        main = key(self.record.finding.resource_id)
        kept = self.state.kept(MADE).get(f"{MADE}{self.number}")
        if kept:
            yield str(kept)
            return
        body = self._look(main, tombstones.version_of(self.content))
        generation = generation_of(body or {})
        made = moment_of({"at": generation}, "at")
        for one in of_record(self.state.intents_since(self.tombstone.made_at - BEFORE), self.record, UNDO):
            ours = one.outcome == "done" and one.generation is None and key(one.resource_id) == main
            if ours and made is not None and abs(made - one.opened_at) <= CLOCKS:
                yield generation

    def _carried_out(self, one: Step) -> str:
        """Why the undo cannot go on after this step, "" where it can."""
        act = self._act(one)
        [outcome] = perform(
            [act], self.azure, self.state, Caps(1, 100, None, None, 1), self.now,
            f"undo of finding {self.number}, asked for by {self.who}", self.settings.janitor.kill_switch, self.who,
        )  # fmt: skip
        if outcome.result == "done":
            if one.makes and key(one.id) == key(self.record.finding.resource_id):
                made = generation_of(self._look(one.id, one.api_version) or {})
                self.state.keep(f"{MADE}{self.number}", made, self.now)
            self.done.append(one.says)
            return ""
        if outcome.result == one.by_people:
            self.for_people.append(one.otherwise)
            return ""
        return f"Could not {one.says}: {outcome.why}"

    def _act(self, one: Step) -> Act:
        why = f"Undo of finding {self.number}: {self.record.finding.why}"
        body = None if one.makes else self._look(one.id, one.api_version)
        return restoring(self.azure, self.record, one, body, why, UNDO)

    def _compared(self) -> Iterator[Comparison]:
        self.step("Comparing with what was there")
        return tombstones.compared(self.tombstone, self._look)

    def _recorded(self, found: Undone) -> Record:
        """The record with its new status, and the proof on the audit trail."""
        proof = {
            "record": self.number, "tombstone": self.record.tombstone, "steps": list(found.steps),
            "equal": sum(len(one.equal) for one in found.compared), "stopped": found.stopped,
            "different": [[one.id, *map(str, each)] for one in found.compared for each in one.different],
        }  # fmt: skip
        why = found.stopped or ("Equal to what was there." if found.equal else "Made again; differences are listed.")
        self.state.audit(self.who, "undone" if not found.stopped else "undo stopped", self.record.finding.resource_id,
                         why, proof, self.now)  # fmt: skip
        if found.stopped or self.record.status == "failed":
            return self.state.findings.get(self.number)
        self.state.drop(f"{MADE}{self.number}")
        status = "kept" if self.record.status == "quiet" else "restored"
        return approvals.moved(self.state, self.number, status, why, self.now, self.who)


def _unfinished(compared: tuple[Comparison, ...]) -> str:
    """Of what Azure is still at work on: it cannot be told yet whether it is as it was."""
    for one in compared:
        for path, _, now in one.different:
            if path == "properties.provisioningState" and str(now).lower() in {"creating", "updating"}:
                return f"Azure is still at work on {one.id} ({now}). Undo it again in some minutes, to compare it."
    return ""


__all__ = ["RULE", "Undone", "undo"]
