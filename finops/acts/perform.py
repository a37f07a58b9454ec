"""Carry out acts, one after the other, each only if everything that must hold still holds."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

from finops.cloud import Azure, Json
from finops.errors import AzureError, DataError, FinopsError, NotSent
from finops.estate.generation import same_generation
from finops.state import State, digest

from .caps import over
from .hand import Hand, Held, thrown
from .manifests import state_of
from .model import TAG, Act, Caps, Outcome, generation_of
from .protection import has_keep, protected
from .verdict import differs, verdict

STOPPING = "Nothing was sent: the process is being stopped, and what is not begun is left to the next run."
# Refusals that speak of one resource: the next act may well succeed. Anything else stops the run.
OF_ONE = {403, 404, 409, 412, 423}
SHORTEST_WAIT = 1.0
TURNED_AWAY_SECONDS = 120.0  # how long an act waits, all in all, that Azure turns away for its rate
CONFIRM_WAITS = (0.0, 2.0, 5.0)  # seconds before each reading back: ARM may answer from a copy that is a little old
# What a body of an unforeseen shape does to the code that looks into it.
ODD = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, AssertionError, RuntimeError, OSError)


def perform(
    acts: Sequence[Act],
    azure: Azure,
    state: State,
    caps: Caps,
    now: datetime,
    decision: str,
    kill_switch: Path | None = None,
    who: str = "finops",
    then: Callable[[Outcome], None] = lambda outcome: None,
    stopping: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """What became of each act, in their order. One that goes wrong raises nothing; the first unexpected fault ends it.

    decision: what allows this, such as "policy dev-clusters-are-spot in enforce mode"; without one nothing is done
    kill_switch: a file that stops everything as soon as it is there
    then: is told of each outcome at once; where it raises, nothing more is done
    stopping: asked before each request; once True, none is sent any more, and the one that was is seen to its end
    """
    run = _Run(azure, state, now, decision, kill_switch, who, then, stopping)
    try:
        with state.turn():
            return run.all(acts, caps)
    except FinopsError as fault:  # not our turn, or nothing can be remembered
        return [*run.outcomes, *(Outcome(act, "refused", str(fault)) for act in acts[len(run.outcomes) :])]


class _Run:
    def __init__(
        self, azure: Azure, state: State, now: datetime, decision: str, switch: Path | None, who: str,
        then: Callable[[Outcome], None], stopping: Callable[[], bool],
    ) -> None:  # fmt: skip
        self.azure, self.state, self.now, self.decision, self.switch, self.who, self.then, self.stopping = (
            azure, state, now, decision, switch, who, then, stopping,
        )  # fmt: skip
        self.name = uuid.uuid4().hex
        self.outcomes: list[Outcome] = []
        self.stopped: str | None = None

    def all(self, acts: Sequence[Act], caps: Caps) -> list[Outcome]:
        if not acts:
            return []
        if why := self._forbidden(acts, caps):
            self.state.audit(self.who, "refused all", "", why, {"wanted": len(acts)}, self.now)
            return [Outcome(act, "refused", why) for act in acts]
        for act in acts:
            outcome = self._one(act)
            self.outcomes.append(outcome)
            self.then(outcome)
        return self.outcomes

    def _forbidden(self, acts: Sequence[Act], caps: Caps) -> str | None:
        if not all((act.decision or self.decision).strip() for act in acts):
            return "No decision allows this. Nothing was changed."
        return over(acts, caps, self.state.acts_since(self.now - timedelta(hours=1)))

    def _one(self, act: Act) -> Outcome:
        if self.stopped:
            return Outcome(act, "refused", f"Not tried: {self.stopped}")
        try:
            outcome = self._checked(act)
        except FinopsError as fault:
            outcome = Outcome(act, "refused", f"It could not be read again: {fault}")
        except ODD as fault:
            self.stopped = f"the look at {act.resource_id} failed unexpectedly ({fault!r})."
            outcome = Outcome(act, "refused", f"It could not be looked at: {fault!r}")
        if outcome.intent is None:
            what = f"{outcome.result}: {act.action}"
            self.state.audit(self.who, what, act.resource_id, outcome.why, _writable(act.evidence), self.now)
        return outcome

    def _checked(self, act: Act) -> Outcome:
        """Look at everything that must hold, then do it."""
        if not act.version:
            return Outcome(act, "refused", "It is not known with which API version it is read.")
        if act.workspace in {intent.workspace for intent in self.state.pending_intents()}:
            return Outcome(act, "refused", f"An earlier change in {act.workspace} is not resolved yet.")
        looked = self._looked(act)
        return looked if isinstance(looked, Outcome) else self._done(act, looked)

    def _looked(self, act: Act) -> Outcome | float:
        """Why it must not be done, as its outcome; else when the look at it began."""
        if self.stopping():
            return Outcome(act, "refused", STOPPING)
        if why := thrown(self.switch):
            return Outcome(act, "refused", why)
        if why := protected(
            self.azure, act.resource_id, self.now, goes=act.afterwards is None, gives_back=act.gives_back
        ):
            return Outcome(act, "refused", why)
        # Last, so that as little as possible can happen between this reading and the request.
        read_at = self.azure.time.monotonic()
        body = state_of(self.azure, act.resource_id, act.version, act.afterwards)
        if why := _not_the_same(act, body):
            return Outcome(act, "changed-since", why)
        if not act.gives_back and has_keep((body or {}).get("tags"), self.now):
            return Outcome(act, "refused", "Its tag finops:keep protects it.")
        if why := act.still_holds(body or {}):
            return Outcome(act, "changed-since", why)
        return read_at

    def _done(self, act: Act, read_at: float) -> Outcome:
        number = self.state.open_intent(
            self.now, run=self.name, resource_id=act.resource_id, workspace=act.workspace, generation=act.generation,
            api_version=act.version, action=act.action, rule=act.rule, why=act.why, who=self.who,
            decision=act.decision or self.decision, evidence=act.evidence, afterwards=act.afterwards,
            saving="" if act.expected_saving is None else str(act.expected_saving),
        )  # fmt: skip
        hand, fault, refusal = self._sent(act, read_at)
        outcome, recorded = (refusal, "not-done") if refusal else self._judged(act, hand, fault)
        if not (outcome.result == "done" or _of_one(fault) or (isinstance(fault, Held) and not hand.sent)):
            self.stopped = f"{act.action} of {act.resource_id} ended as {outcome.result}: {outcome.why}"
        outcome = replace(outcome, intent=number)
        if recorded is not None:
            try:
                self.state.close_intent(number, recorded, outcome.why, self.now, self.who, {"sent": hand.sent})
            except FinopsError as broken:
                self.stopped = f"the outcome of {act.action} of {act.resource_id} could not be recorded: {broken}"
                return replace(outcome, result="unknown", why=f"{outcome.why} It could not be recorded: {broken}")
        return outcome

    def _sent(self, act: Act, read_at: float) -> tuple[Hand, Exception | None, Outcome | None]:
        """The hand that sent it, and what went wrong. Where Azure turned it away, everything is looked at again before
        the next try; that look may say, as an outcome, that it must not be done any more."""
        until = self.azure.time.monotonic() + TURNED_AWAY_SECONDS
        while True:
            hand = Hand(self.azure, act.resource_id, self.switch, read_at)
            try:
                act.request(cast(Azure, hand))
            except NotSent as fault:
                hand.sent = False
                if self.azure.time.monotonic() + max(fault.seconds, SHORTEST_WAIT) > until:
                    return hand, fault, None
                self.azure.time.sleep(max(fault.seconds, SHORTEST_WAIT))
            except (FinopsError, *ODD) as met:
                return hand, met, None
            else:
                return hand, None, None
            try:
                looked = self._looked(act)
            except FinopsError as unread:
                looked = Outcome(act, "refused", f"It could not be read again: {unread}")
            except ODD as odd:
                return hand, odd, None
            if isinstance(looked, Outcome):
                return hand, Held(looked.why, ""), looked
            read_at = looked

    def _judged(self, act: Act, hand: Hand, fault: Exception | None) -> tuple[Outcome, str | None]:
        """What became of it, and the outcome to record; None leaves the intent open, for `reconcile`."""
        if not hand.sent:
            if isinstance(fault, Held):
                return Outcome(act, "refused", fault.what), "not-done"
            return Outcome(act, "failed", f"Nothing was sent: {fault or 'the request sent nothing'}."), "not-done"
        outcome, said = self._read_back(act, (0.0,) if _refused(fault) else CONFIRM_WAITS)
        because = f"{fault} " if fault else ""
        if outcome == "not-done" and fault is None and act.afterwards is None:
            # ARM may answer from a copy that is older than CONFIRM_WAITS: what was deleted is not written down as kept.
            return Outcome(act, "unknown", f"Azure says that it is deleted; not confirmed yet: {said}"), None
        if outcome == "done":
            return Outcome(act, "done", said if fault is None else f"{said} Though: {fault}"), "done"
        if outcome is None:
            return Outcome(act, "unknown", f"{because}{said}"), None
        if fault is None or _refused(fault):
            return Outcome(act, "failed", f"{because}Read back: {said}"), "failed"
        return Outcome(act, "unknown", f"{because}Read back: {said}"), None

    def _read_back(self, act: Act, waits: Sequence[float]) -> tuple[str | None, str]:
        """The verdict of a direct reading, repeated a little while it does not yet show the change."""
        outcome: str | None = None
        said = ""
        for wait in waits:
            if wait:
                self.azure.time.sleep(wait)
            try:
                body = state_of(self.azure, act.resource_id, act.version, act.afterwards)
                wrong = act.confirmed(body) or differs(act.afterwards, body)
                outcome, said = verdict(act.generation, act.afterwards is None, wrong, body)
            except (AzureError, *ODD) as fault:
                outcome, said = None, f"It could not be read back: {fault}"
            if outcome == "done":
                break
        return outcome, said


def _not_the_same(act: Act, body: Json | None) -> str | None:
    """Why the resource is not the one that was decided on."""
    if act.generation is None:
        return None if body is None else "It is there already."
    if body is None:
        return "It is gone."
    found = generation_of(body)
    if not found and not act.generation:
        said = "Azure does not say when it was made, so it cannot be told from a namesake."
        return None if act.action == TAG else said
    if not same_generation(found, act.generation):
        return f"It is another one of the same name: made {found or 'at an unknown time'}, not {act.generation}."
    return None


def _writable(evidence: Json) -> Json:
    """`evidence`, or that it cannot be written down: one bad record does not end the run."""
    try:
        digest(evidence)
    except DataError as fault:
        return {"unwritable": fault.what}
    return evidence


def _refused(fault: Exception | None) -> bool:
    """Whether Azure itself said no, in an answer that was not lost."""
    return (
        isinstance(fault, AzureError) and 400 <= fault.status < 500 and fault.status not in {408, 429}
        and fault.code != "OutcomeUnknown"
    )  # fmt: skip


def _of_one(fault: Exception | None) -> bool:
    return _refused(fault) and isinstance(fault, AzureError) and fault.status in OF_ONE
