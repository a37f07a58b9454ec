"""The thread that listens for announcements from the start, once a second, and falls silent where there is no Azure."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from finops.checkpoint.notices.notice import Notice, Notices
from finops.checkpoint.notices.scheduled_events import (
    ADDRESS,
    EVENTS,
    INSTANCE,
    NoAnswer,
    Node,
    announced,
    asked,
    node_of,
)

# Settings, for rehearsals and for tests: another address, or "off"; another marker file.
IMDS, MARKER = "FINOPS_CHECKPOINT_IMDS", "FINOPS_CHECKPOINT_MARKER"
# What images of Azure ML leave on a node that is taken back (azureml-examples, image_classification_with_densenet).
MARKED = "/usr/share/to-be-preempted"


NAMED_BY = 10  # answers, with each of which it is tried again to learn what this machine is called


@dataclass(frozen=True)
class Tempo:
    """Seconds. first: for which the first answer is awaited; the service takes up to 120 to wake.

    tries: how often it is asked off Azure, each time after twice the wait, before the thread gives up.
    """

    every: float = 1.0
    connect: float = 3.0
    first: float = 150.0
    read: float = 5.0
    most: float = 60.0
    tries: int = 9


USUAL = Tempo()


def on_azure_ml(env: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a job of Azure ML (its run's id, or its compute's name)."""
    return bool(env.get("AZUREML_RUN_ID") or env.get("AZ_BATCHAI_CLUSTER_NAME"))


class Listening:
    """Tells `notices` what comes and goes.

    learnt: called once, from the thread, with what this machine is. each: called with each look at the marker file.
    """

    def __init__(
        self,
        notices: Notices,
        env: Mapping[str, str] = os.environ,
        tempo: Tempo = USUAL,
        learnt: Callable[[Node], None] = lambda _: None,
        each: Callable[[], None] = lambda: None,
    ) -> None:
        self._notices, self._tempo, self._learnt, self._each = notices, tempo, learnt, each
        self._address = env.get(IMDS) or ADDRESS
        self._marker = env.get(MARKER) or MARKED
        self._patient = on_azure_ml(env)
        self._stop = threading.Event()
        self._node: Node | None = None
        self.answers = self.faults = 0
        self._threads = [threading.Thread(target=self._watch, name="finops-checkpoint-marker", daemon=True)]
        if self._address != "off":
            asking = threading.Thread(target=self._ask, name="finops-checkpoint-events", daemon=True)
            self._threads.append(asking)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No more is heard; a request that is under way is left to itself."""
        self._stop.set()

    # The marker file

    def _watch(self) -> None:
        while not self._stop.wait(self._tempo.every):
            self._each()
            if not os.path.exists(self._marker):
                self._notices.withdraw("marker")
            elif self._notices.get("marker") is None:
                now = time.monotonic()
                self._notices.hear(Notice("marker", f"{self._marker} is there", now, now))

    # The metadata service

    def _ask(self) -> None:
        tempo, missed = self._tempo, 0
        while not self._stop.is_set():
            try:
                self._one()
                self.answers += 1
                missed = 0
            except NoAnswer:
                self.faults += 1
                missed += 1
                if not (self._patient or self.answers) and missed >= tempo.tries:
                    return
            # A service that stumbles is asked again soon, one that stays away seldom.
            wait = tempo.every if missed < 2 else min(tempo.every * 2 ** (missed - 1), tempo.most)
            if self.answers and missed:
                wait = min(wait, 5 * tempo.every)
            self._stop.wait(wait)

    def _one(self) -> None:
        tempo = self._tempo
        told = asked(self._address, EVENTS, tempo.connect, tempo.read if self.answers else tempo.first)
        if self._node is None and self.answers < NAMED_BY:
            self._identify()
        now = time.monotonic()
        found = announced(told, self._node or Node(), now)
        if self._stop.is_set():
            return
        standing = {one.key for one in found}
        for key in self._notices.known():
            if key.startswith("event ") and key not in standing:
                self._notices.withdraw(key)
        for one in found:
            before = self._notices.get(one.key)
            if before is None or before.due > now or one.due > now:  # what has begun began when it was first heard of
                self._notices.hear(one)

    def _identify(self) -> None:
        """Until it is known what this machine is called, an announcement for any may be for it."""
        try:
            node = node_of(asked(self._address, INSTANCE, self._tempo.connect, self._tempo.read))
        except NoAnswer:
            return
        self._node = node
        self._learnt(node)
