"""The guards of the invariants: what each is, how it is taken out, and the tests that must go red without it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """One guard of one invariant.

    what   in words, read after "without": what is missing or wrong when it is taken out
    edits  (file, text that is there once, text in its place), one or more
    tests  file::test below tests/; each of them is red without the guard
    """

    name: str
    invariant: str
    what: str
    edits: tuple[tuple[str, str, str], ...]
    tests: tuple[str, ...]


from .acting import ACTING  # noqa: E402
from .applying import APPLYING  # noqa: E402
from .deciding import DECIDING  # noqa: E402
from .duties import DUTIES  # noqa: E402
from .remembering import REMEMBERING  # noqa: E402
from .sending import SENDING  # noqa: E402
from .timing import TIMING  # noqa: E402

GUARDS: tuple[Guard, ...] = (*ACTING, *APPLYING, *DECIDING, *DUTIES, *REMEMBERING, *SENDING, *TIMING)
