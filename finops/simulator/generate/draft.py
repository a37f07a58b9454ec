"""An estate in the making: what is put, changed and removed when, and what waste was planted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from finops.simulator.clock import moment_of
from finops.simulator.draws import draw, key_of
from finops.simulator.store import Json
from finops.simulator.world import World

DAY = 1440

PEOPLE = """anna.keller ben.osei carla.mendes dmitri.volkov emi.tanaka farah.nasser george.lind hana.novak ivan.petrov
jia.chen kofi.mensah lena.fischer marco.rossi nadia.haddad oscar.berg priya.raman quentin.dubois rosa.jimenez
sam.whitfield tara.olsen umar.siddiqui vera.kovacs will.carter xenia.pappas yusuf.demir zoe.laurent""".split()  # noqa: SIM905

# Who made things here and left the company: the directory knows them no more.
LEAVERS = [f"{name}@contoso.com" for name in ("noel.baker", "ines.silva", "tomas.varga", "ruth.adeyemi")]


@dataclass
class Draft:
    """Everything planned for one estate. `start` and `as_of` are minutes from 1970.

    `written` is who wrote or deleted what, and when; `bodies` is all that was ever put; `truth` is what was planted,
    `kept` what only looks like it.
    """

    world: World
    key: int
    start: int
    as_of: int
    steps: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    truth: list[Json] = field(default_factory=list)
    kept: list[Json] = field(default_factory=list)
    written: list[tuple[int, str, str, str]] = field(default_factory=list)
    bodies: list[Json] = field(default_factory=list)
    images: dict[str, list[Json]] = field(default_factory=dict)

    def chance(self, *parts: object) -> float:
        """A fraction in [0, 1) that depends on the estate's seed and on `parts`."""
        return draw(key_of(self.key, *parts))

    def pick(self, choices: list[Any], *parts: object) -> Any:
        return choices[int(self.chance(*parts) * len(choices))]

    def number(self, low: int, high: int, *parts: object) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.chance(*parts) * (high - low + 1))

    def person(self, *parts: object) -> str:
        return f"{self.pick(PEOPLE, 'person', *parts)}@contoso.com"

    def ago(self, days: float) -> int:
        """The minute that lies `days` before the estate is looked at."""
        return self.as_of - round(days * DAY)

    def some_day(self, low: int, high: int, *parts: object) -> int:
        """A minute of a working day's hours, from `low` to `high` days before the estate is looked at."""
        today = self.as_of // DAY - self.number(low, high, *parts)
        return today * DAY + 450 + int(self.chance(*parts, "minute") * 600)

    def put(self, created: int, person: str, body: Json, profile: Json | None = None) -> Json:
        """`body` exists from minute `created` on; `profile` is how it is used."""
        if profile:
            self.world.life.profiles[body["id"].lower()] = {"id": body["id"], **profile}
        self.written.append((created, person, "write", body["id"]))
        self.bodies.append(body)

        def do() -> None:
            self.world.resources.put(body)

        self._step(max(created, self.start), do)
        return body

    def change(self, at: int, person: str, resource_id: str, edit: Callable[[Json], None]) -> None:
        """At minute `at`, `edit` is done to the resource's body."""
        self.written.append((at, person, "write", resource_id))

        def do() -> None:
            body = copy.deepcopy(self.world.resources.get(resource_id))
            assert body is not None, resource_id
            edit(body)
            self.world.resources.put(body)

        self._step(at, do)

    def event(self, at: int, person: str, verb: str, resource_id: str) -> None:
        """Somebody did something that only the Activity Log knows."""
        self.written.append((at, person, verb, resource_id))

    def remove(self, at: int, person: str, resource_id: str) -> None:
        self.written.append((at, person, "delete", resource_id))

        def do() -> None:
            for body in self.world.resources.children(resource_id):
                self.world.resources.delete(body["id"])
            self.world.resources.delete(resource_id)

        self._step(at, do)

    def plant(self, kind: str, resource_id: str, since: int, **more: Any) -> None:
        """Write down for ground-truth.json what was planted."""
        self.truth.append({"kind": kind, "id": resource_id, "since": f"{moment_of(since):%Y-%m-%dT%H:%M:%SZ}", **more})

    def keep(self, kind: str, resource_id: str, why: str, unknown: bool = False) -> None:
        """Write down what looks like waste of this kind and must be kept; `unknown`: because nobody can know."""
        self.kept.append({"kind": kind, "id": resource_id, "why": why, "unknown": unknown})

    def waste(self, kind: str, resource_id: str, since: int, locked: bool, **more: Any) -> None:
        """Waste that a rule of the janitor must find; under a lock it must be left alone."""
        if locked:
            self.keep(kind, resource_id, "a lock stands above it")
        else:
            self.plant(kind, resource_id, since, **more)

    def run(self) -> None:
        """Let the world live through all steps, to `as_of`."""
        for at, _, do in sorted(self.steps, key=lambda step: step[:2]):
            self.world.life.settle(at)
            do()
        self.world.life.settle(self.as_of)

    def _step(self, at: int, do: Callable[[], None]) -> None:
        self.steps.append((at, len(self.steps), do))
