"""What a training holds against evictions: what is announced, when to end, and an account of what became of it."""

from __future__ import annotations

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from finops.checkpoint.notices.listening import USUAL, Listening, Tempo, on_azure_ml
from finops.checkpoint.notices.notice import Notice, Notices
from finops.checkpoint.notices.scheduled_events import Node
from finops.checkpoint.notices.signals import HOLD, TERMINATED, Signals, end_without, remind
from finops.checkpoint.stores import Store
from finops.checkpoint.together.ranks import seat
from finops.checkpoint.told import BEAT, Telling

# Seconds from SIGTERM until the training ends of itself. Azure ML takes an end for the job's own, and need not start it
# again; a node that it takes back ends it before that (CHANGELOG of microsoft/ai4s-jobq, 2.5.1). Elsewhere whoever
# sends SIGTERM waits for the end.
GRACE = 120.0
SPACING = 1.0  # seconds between saves that follow each other: a small state need not fill the disk's queue


class Watch:
    """From `start` to `close`. For the thread that trains; what the others find lies ready for it.

    learnt: called from a thread with what this machine is, once that is known.
    """

    def __init__(
        self,
        env: Mapping[str, str] = os.environ,
        tempo: Tempo = USUAL,
        grace: float | None = None,
        beat: float = BEAT,
        learnt: Callable[[Node], None] = lambda _: None,
        hold: float = HOLD,
    ) -> None:
        self._notices = Notices()
        grace = (GRACE if on_azure_ml(env) else 0.0) if grace is None else grace
        self._signals = Signals(self._notices, grace, hold)
        self._listening = Listening(self._notices, env, tempo, self._know, remind)
        self._telling: Telling | None = None
        self._figures: _Figures | None = None
        self._node: Node | None = None  # what this machine is, once that is known
        self._learnt, self._beat = learnt, beat
        self._tells = seat(env)[0] == 0  # of several processes one tells

    def start(self) -> None:
        self._signals.install()
        self._listening.start()

    def tell(self, store: Store, job: str, attempt: int, figures: Callable[[], dict[str, Any]]) -> None:
        """Keep an account of the attempt, from now on. figures: what told.Telling asks for."""
        if self._tells:
            held = self._figures = _Figures(figures)
            telling = Telling(store, job, attempt, lambda: {**held(), **self._counts()}, self._beat)
            self._telling = telling
            if self._node is not None:
                telling.know(size=self._node.size, region=self._node.region)
            telling.start()
            atexit.register(_end_of, weakref.ref(telling))

    @property
    def quiet(self) -> bool:
        """Whether nothing was announced. To be asked at each step, so it does next to nothing."""
        self._signals.stepped()
        return not self._notices

    def asks(self, saved_at: float, now: float) -> Notice | None:
        """The announcement for which a save is to be made now. saved_at: when the last one was, in the same time."""
        notice = self._notices.pressing(now)
        return notice if notice and (now - saved_at >= SPACING or not self._notices.heeded(notice)) else None

    def heed(self, notice: Notice) -> bool:
        """Note that it was made; whether it was the first one for this announcement."""
        return self._notices.heed(notice)

    def over(self, now: float) -> bool:
        """Whether the training was told to end, and has had its time."""
        return (end_at := self._signals.end_at) is not None and now >= end_at

    def late(self, now: float, since: float) -> bool:
        """Whether a last save that could not be had since then is no longer to be waited for."""
        return self._signals.is_late(now, since)

    @property
    def trains(self) -> bool:
        """Whether steps are being taken."""
        return self._signals.armed

    def finish(self) -> None:
        """The last step is being saved, which may take its time."""
        self._signals.finish()

    def end(self, heard: bool = True) -> SystemExit:
        """To be raised once all is saved. It is never an end by 0, which would say that the job is done.

        heard: whether what is raised is heard of. In another thread than the first it ends that thread only: there the
        process ends here, or with the last of those that train in it.
        """
        self._end("SIGTERM")
        self.rest()
        if not heard or threading.current_thread() is not threading.main_thread():
            end_without(self._signals)
        return SystemExit(TERMINATED)

    def rest(self) -> None:
        """No steps are taken for now: SIGTERM does what it always did."""
        self._signals.rest()

    def close(self) -> None:
        self._signals.remove()
        self._listening.stop()
        self._end("exited")

    def let_go(self, figures: dict[str, Any]) -> None:
        """Nobody holds the training any more. figures: its last ones."""
        if self._figures is not None:
            self._figures.last, self._figures.asked = figures, lambda: None
        over = self.trains and self.over(time.monotonic())
        self.close()
        if over:
            end_without(self._signals)

    def _end(self, how: str) -> None:
        if self._telling is not None:
            self._telling.end(how)

    def _know(self, node: Node) -> None:
        self._node = node
        if self._telling is not None:
            self._telling.know(size=node.size, region=node.region)
        self._learnt(node)

    def _counts(self) -> dict[str, int]:
        return {"notices": self._notices.heard, "withdrawn": self._notices.withdrawn}


class _Figures:
    """What a training tells of itself, without holding it."""

    def __init__(self, asked: Callable[[], dict[str, Any]]) -> None:
        self.asked: Callable[[], Callable[[], dict[str, Any]] | None] = (
            weakref.WeakMethod(asked) if hasattr(asked, "__self__") else lambda: asked
        )
        self.last: dict[str, Any] = {}

    def __call__(self) -> dict[str, Any]:
        if (asked := self.asked()) is not None:
            self.last = asked()
        return self.last


def _end_of(telling: weakref.ref[Telling]) -> None:
    """At the end of the process: it was not killed."""
    if (one := telling()) is not None:
        one.end("exited")
