"""Any history of a cloud that works against us: nothing done twice, nothing without an intent, nothing left open."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from adversary import (
    FAULTS,
    GROUP,
    NOW,
    SUBSCRIPTION,
    WORKSPACE,
    Cloud,
    Died,
    before,
    compute,
    costed,
    making,
    removal,
    shrink,
    switch,
)
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from finops.acts import Act, Caps, generation_of, perform, reconcile
from finops.acts.protection import has_keep
from finops.estate.ids import key
from finops.state import State

NAMES = st.sampled_from(["a", "b", "c"])
SCOPES = st.sampled_from([SUBSCRIPTION, GROUP, WORKSPACE, compute("a"), compute("b")])
KINDS = st.sampled_from(["shrink", "delete", "tag", "make"])
SURPRISES = st.lists(
    st.tuples(
        st.integers(1, 24),
        st.one_of(
            st.sampled_from(sorted(FAULTS)),
            st.tuples(NAMES, st.sampled_from(["remove", "remake", "grow", "job", "tag", "cost", "lock", "keep"])),
            st.just("stop"),
        ),
    ),
    max_size=3,
)
EXAMPLES = int(os.environ.get("FINOPS_EXAMPLES", "60"))


@cache
def empty() -> Path:
    """A state that remembers nothing: copied, it saves its migrations."""
    file = Path(tempfile.mkdtemp()) / "state.db"
    State.open(file).close()
    return file


class Kernel(RuleBasedStateMachine):
    """Acts are decided on what was seen some time ago, and carried out while things happen at any call."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.stop = switch(Path(self.folder.name))
        shutil.copy(empty(), Path(self.folder.name) / "state.db")
        self.state = State.open(Path(self.folder.name) / "state.db")
        self.cloud = Cloud()
        self.cloud.on_write = self.leaves
        self.acts: list[Act] = []
        self.sent: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        for name in ("a", "b", "c"):
            self.cloud.make(name)

    def teardown(self) -> None:
        if not hasattr(self, "state"):
            return
        self.settle()
        self.state.close()
        self.folder.cleanup()

    # -- the adversary -----------------------------------------------------------------------------------------

    @rule(name=NAMES, high=st.sampled_from([0, 4]))
    def somebody_makes(self, name: str, high: int) -> None:
        self.cloud.make(name, high)

    @rule(name=NAMES, event=st.sampled_from(["remove", "grow", "job", "free", "tag", "cost", "unlock"]))
    def somebody_does(self, name: str, event: str) -> None:
        self.event(name, event)()

    @rule(scope=SCOPES, lock=st.booleans())
    def somebody_protects_for_a_while(self, scope: str, lock: bool) -> None:
        (self.cloud.lock if lock else self.cloud.keep)(scope)
        self.carry_out([self.decided(name, kind) for name in "ab" for kind in ("shrink", "delete", "tag")], 9, [])
        (self.cloud.lock if lock else self.cloud.keep)(scope, on=False)

    # -- us ----------------------------------------------------------------------------------------------------

    def decided(self, name: str, kind: str) -> Act:
        """An act of what is there now; it may be carried out much later, and more than once."""
        body = self.cloud.bodies.get(key(compute(name)))
        if kind == "make" or body is None:
            return making(name)
        body = {**body, "tags": dict(body["tags"])}
        return {"shrink": shrink, "delete": removal, "tag": costed}[kind](self.cloud, body)

    @rule(name=NAMES, kind=KINDS)
    def decide(self, name: str, kind: str) -> None:
        self.acts = [*self.acts, self.decided(name, kind)][-6:]

    @rule(most=st.sampled_from([9, 9, 9, 2]), surprises=SURPRISES)
    def carry_out_what_was_decided_earlier(self, most: int, surprises: list[tuple[int, Any]]) -> None:
        self.carry_out(self.acts, most, surprises)

    @rule(wanted=st.lists(st.tuples(NAMES, KINDS), min_size=1, max_size=4), surprises=SURPRISES)
    def carry_out_at_once(self, wanted: list[tuple[str, str]], surprises: list[tuple[int, Any]]) -> None:
        self.carry_out([self.decided(*one) for one in wanted], 9, surprises)

    def carry_out(self, acts: list[Act], most: int, surprises: list[tuple[int, Any]]) -> None:
        for call, what in surprises:
            happens = (
                before(self.stop.touch) if what == "stop"
                else FAULTS[what]() if isinstance(what, str)
                else before(self.event(*what))
            )  # fmt: skip
            self.cloud.at.setdefault(self.cloud.calls + call, []).append(happens)
        start = len(self.cloud.attempts)
        outcomes = []
        try:
            reconcile(self.cloud, self.state, NOW)  # type: ignore[arg-type]
            caps = Caps(most, 100, None, None, 10)
            outcomes = perform(acts, self.cloud, self.state, caps, NOW, "decided", self.stop)  # type: ignore[arg-type]
        except Died:
            self.state.close()
            self.state = State.open(Path(self.folder.name) / "state.db")
        self.cloud.heal()
        self.stop.unlink(missing_ok=True)
        sent = len(self.cloud.attempts) - start
        if len(acts) > most and sent:
            self.wrong.append(f"{sent} sent though {len(acts)} are over the cap of {most}")
        for outcome in outcomes:
            if outcome.result in {"done", "failed", "unknown"} and outcome.intent is None:
                self.wrong.append(f"{outcome.result} without an intent")

    def leaves(self, verb: str, resource: str) -> None:
        """A change leaves for the cloud: everything that must hold is looked at here, by the one who sees all."""
        intents = [one for one in self.state.pending_intents() if key(one.resource_id) == resource]
        if len(intents) != 1:
            self.wrong.append(f"{verb} {resource} with {len(intents)} intents")
            return
        if self.stop.exists():
            self.wrong.append(f"{verb} {resource} though stopped")
        read, _ = self.cloud.readings.get(resource, (None, -1))
        intent = intents[0]
        if intent.generation is None:
            if read is not None:
                self.wrong.append(f"{verb} {resource} though it was read to be there")
        elif read is None or generation_of(read) != intent.generation:
            self.wrong.append(f"{verb} {resource} though it was read to be another one")
        elif has_keep(read["tags"]):
            self.wrong.append(f"{verb} {resource} though it was read to be kept")
        for scope in (WORKSPACE, GROUP, SUBSCRIPTION):
            held = self.cloud.readings.get(key(f"{scope}/providers/Microsoft.Resources/tags/default"))
            if held is None or held[0] is None or has_keep(held[0]["properties"]["tags"]):
                self.wrong.append(f"{verb} {resource} though {scope} was read to be kept, or not read")

    def event(self, name: str, what: str) -> Any:
        cloud = self.cloud
        return {
            "remove": lambda: cloud.remove(name),
            "remake": lambda: cloud.make(name),
            "grow": lambda: cloud.grow(name),
            "job": lambda: cloud.job(name),
            "free": lambda: cloud.job(name, runs=False),
            "tag": lambda: cloud.tag(name, "Team", f"t{cloud.calls}"),
            "cost": lambda: cloud.tag(name, "CostCenter", "CC-9"),
            "lock": lambda: cloud.lock(compute(name)),
            "keep": lambda: cloud.keep(compute(name)),
            "unlock": lambda: (cloud.lock(compute(name), on=False), cloud.keep(compute(name), on=False)),
        }[what]

    # -- what must never be ------------------------------------------------------------------------------------

    @invariant()
    def nothing_was_sent_that_must_not_be(self) -> None:
        assert getattr(self, "wrong", []) == []

    @invariant()
    def nothing_is_done_twice(self) -> None:
        """A write that finds the work done was one too many, unless somebody else came between reading and writing."""
        for write in getattr(self, "cloud", Cloud()).writes:
            undisturbed = write.read[1] == write.struck
            if undisturbed and write.verb == "PATCH":
                assert write.before != write.after, write
            if undisturbed and write.verb == "PUT":
                assert write.before is None, write
        deleted = Counter(
            (write.resource, generation_of(write.before or {})) for write in getattr(self, "cloud", Cloud()).writes
            if write.verb == "DELETE"
        )  # fmt: skip
        assert all(count == 1 for count in deleted.values()), deleted

    @invariant()
    def every_effect_has_its_intent(self) -> None:
        if not hasattr(self, "state"):
            return
        effects = Counter(write.resource for write in self.cloud.writes)
        intents = Counter(key(one.resource_id) for one in self.state.intents_since(NOW))
        assert all(intents[resource] >= count for resource, count in effects.items()), (effects, intents)

    def settle(self) -> None:
        """In the end, when nothing goes wrong any more, nothing is left open, and the records tell the truth."""
        self.cloud.heal()
        reconcile(self.cloud, self.state, NOW)  # type: ignore[arg-type]
        assert self.state.pending_intents() == []
        assert self.state.verify_audit().fault is None
        intents = self.state.intents_since(NOW)
        for resource in {key(one.resource_id) for one in intents}:
            effects = [write for write in self.cloud.writes if write.resource == resource]
            done = [one for one in intents if key(one.resource_id) == resource and one.outcome == "done"]
            if self.cloud.struck.get(resource, 0) == (effects[-1].struck if effects else -1):
                assert len(done) >= 1, (resource, intents)
        self.nothing_was_sent_that_must_not_be()
        self.nothing_is_done_twice()
        self.every_effect_has_its_intent()


def test_no_history_makes_the_kernel_do_what_it_must_not():
    run_state_machine_as_test(
        Kernel,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            derandomize=EXAMPLES <= 60,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=(Phase.generate, Phase.shrink),
        ),
    )
