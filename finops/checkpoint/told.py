"""What each attempt of a job tells of itself: a small JSON beside its checkpoints, which the savings ledger reads.

Each attempt writes a file of its own, `attempt-0003.told.json`, twice a minute and at its end, so that one that comes
late overwrites nothing of another. The schema is in docs/checkpoint.md.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finops.checkpoint.faults import StoreFault
from finops.checkpoint.stores import Store
from finops.errors import DataError

FORMAT = 1
BEAT = 30.0  # seconds: what an eviction cost is known to within these
LAST_WORD = 5.0  # seconds for which the end of a training waits for its account: the place may hang
ENDS = {"", "exited", "SIGTERM"}  # "" while it runs, and for ever where it was killed
MISSING = 20  # attempts in a row that told nothing, after which there are no more

Json = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """One attempt. Moments are aware; seconds are of one node, of which the job has `nodes`.

    last: when it was last known to train. restored_at: when the snapshot was taken that it went on from, by the attempt
    `restored`; 0: it began anew. ended: see ENDS.
    """

    job: str
    attempt: int
    began: datetime
    last: datetime
    ended: str = ""
    step: int = 0
    restored: int = 0
    restored_step: int = 0
    restored_at: datetime | None = None
    restoring_seconds: float = 0.0
    saved_step: int = 0
    saved_at: datetime | None = None
    saves: int = 0
    failed: int = 0
    bytes: int = 0
    stalled_seconds: float = 0.0
    notices: int = 0
    withdrawn: int = 0
    compute_id: str = ""
    node_id: str = ""
    size: str = ""
    region: str = ""
    spot: bool | None = None
    nodes: int = 1

    def as_json(self) -> Json:
        told: Json = {"format": FORMAT}
        for name, value in asdict(self).items():
            told[_camel(name)] = value.isoformat() if isinstance(value, datetime) else value
        return told

    @classmethod
    def of(cls, told: Any) -> Told:
        """What `as_json` gave. Raises DataError for anything else."""
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise DataError("It is no account of an attempt in a format that is known.", "Upgrade aml-finops.")
        given: Json = {}
        for name, kind in _KINDS.items():
            value = told.get(_camel(name))
            if value is None:
                continue
            given[name] = _checked(name, value, kind)
        if missing := {"job", "attempt", "began", "last"} - given.keys():
            raise DataError(f"It says nothing of {', '.join(sorted(missing))}.", "Look at the file.")
        found = cls(**given)
        if found.ended not in ENDS or found.last < found.began or found.nodes < 1 or found.attempt < 1:
            raise DataError("Its figures contradict each other.", "Look at the file.")
        return found


@dataclass(frozen=True)
class Rerun:
    """What one eviction made run again, in node-hours, and when it was noticed to be gone.

    lost: from the snapshot that the next attempt went on from to the last moment the evicted one was known to train,
    so it is short of the truth by half a minute at most. restoring: reading it back.
    """

    compute_id: str
    job: str
    attempt: int
    at: datetime
    lost: float
    restoring: float

    @property
    def hours(self) -> float:
        return self.lost + self.restoring


def reruns(attempts: Iterable[Told]) -> list[Rerun]:
    """The evictions of one job, by its attempts: those that were killed, or told to end, and had a successor."""
    known = sorted(attempts, key=lambda one: one.attempt)
    found = []
    for n, one in enumerate(known):
        later = known[n + 1 :]
        if not later or one.ended == "exited":
            continue
        restoring = later[0].restoring_seconds * later[0].nodes / 3600
        lost = max(_lost(one, each) for each in later) * one.nodes / 3600
        found.append(Rerun(one.compute_id or later[0].compute_id, one.job, one.attempt, one.last, lost, restoring))
    return found


def _lost(one: Told, later: Told) -> float:
    """Seconds of `one` that `later` did not go on from."""
    if later.restored > one.attempt:
        return 0.0
    kept = later.restored_at if later.restored == one.attempt and later.restored_at else one.began
    return min(max((one.last - kept).total_seconds(), 0.0), (one.last - one.began).total_seconds())


def read(store: Store) -> list[Told]:
    """What the attempts of the job in `store` told; one that cannot be read counts as one that told nothing."""
    found, number, missing = [], 0, 0
    while missing < MISSING:
        number += 1
        text = store.notes(name_of(number))
        try:
            found.append(Told.of(json.loads(text or "null")))
            missing = 0
        except (DataError, ValueError):
            missing += 1
    return found


def read_folder(root: Path) -> tuple[dict[Path, list[Told]], dict[Path, str]]:
    """What the jobs below `root` told, by their folder; and the files that cannot be read, with the reason."""
    found: dict[Path, list[Told]] = {}
    wrong: dict[Path, str] = {}
    for path in sorted(root.rglob("attempt-*.told.json")):
        try:
            one = Told.of(json.loads(path.read_text("utf-8")))
            found.setdefault(path.parent, []).append(one)
        except DataError as fault:
            wrong[path] = fault.what
        except (OSError, ValueError) as fault:
            wrong[path] = str(fault)
    return found, wrong


def name_of(attempt: int) -> str:
    return f"attempt-{attempt:04}.told.json"


def here(env: Mapping[str, str] = os.environ) -> Json:
    """What Azure ML says of where this job runs; what it does not say is left out."""
    workspace = [env.get(f"AZUREML_ARM_{part}", "") for part in ("SUBSCRIPTION", "RESOURCEGROUP", "WORKSPACE_NAME")]
    compute, found = env.get("AZ_BATCHAI_CLUSTER_NAME", ""), Json()
    if all(workspace) and compute:
        subscription, group, name = workspace
        found["compute_id"] = (
            f"/subscriptions/{subscription}/resourceGroups/{group}/providers"
            f"/Microsoft.MachineLearningServices/workspaces/{name}/computes/{compute}"
        )
    if node := env.get("AZ_BATCH_NODE_ID"):
        found["node_id"] = node
    if (dedicated := env.get("AZ_BATCH_NODE_IS_DEDICATED", "").lower()) in {"true", "false"}:
        found["spot"] = dedicated == "false"
    if (nodes := env.get("AZUREML_NODE_COUNT", "")).isdigit() and int(nodes):
        found["nodes"] = int(nodes)
    return found


class Telling:
    """Writes what `figures` gives beside the checkpoints, from a thread of its own: a store that is slow stalls nobody.

    figures: the fields of Told that change. What cannot be written is left for the next time. patience: seconds for
    which the end waits.
    """

    def __init__(
        self,
        store: Store,
        job: str,
        attempt: int,
        figures: Callable[[], Json],
        beat: float = BEAT,
        patience: float = LAST_WORD,
    ) -> None:
        self._store, self._figures, self._beat, self._patience = store, figures, beat, patience
        self._fixed: Json = {"job": job, "attempt": attempt, "began": _now(), **here()}
        self._pid = os.getpid()
        self._ended = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go, name="finops-checkpoint-told", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def know(self, **facts: Any) -> None:
        """What was learnt since of the machine."""
        self._fixed = {**self._fixed, **facts}

    def end(self, how: str) -> None:
        """Tell for the last time. A forked child, which may end as its parent does, has nothing to tell."""
        if not self._stop.is_set() and os.getpid() == self._pid:
            self._ended = how
            self._stop.set()
            if self._thread.is_alive() and self._thread is not threading.current_thread():
                self._thread.join(self._patience)

    def _go(self) -> None:
        while not self._stop.is_set():
            self._tell()
            self._stop.wait(self._beat)
        self._tell(self._ended)

    def _tell(self, ended: str = "") -> None:
        told = Told(**self._fixed, **self._figures(), last=_now(), ended=ended)
        with contextlib.suppress(StoreFault):
            self._store.note(name_of(told.attempt), json.dumps(told.as_json(), indent=1))


def moment(seconds: float) -> datetime:
    """That of time.time."""
    return datetime.fromtimestamp(seconds, UTC)


def _now() -> datetime:
    return datetime.now(UTC)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


_KINDS: dict[str, Any] = {
    **dict.fromkeys(["job", "ended", "compute_id", "node_id", "size", "region"], str),
    **dict.fromkeys(["attempt", "step", "restored", "restored_step", "saved_step", "saves", "failed", "bytes"], int),
    **dict.fromkeys(["notices", "withdrawn", "nodes"], int),
    **dict.fromkeys(["restoring_seconds", "stalled_seconds"], float),
    **dict.fromkeys(["began", "last", "restored_at", "saved_at"], datetime),
    "spot": bool,
}


def _checked(name: str, value: Any, kind: Any) -> Any:
    """`value` as what `kind` says it is; an amount is no less than 0."""
    with contextlib.suppress(ValueError, TypeError):
        if kind is datetime:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return moment
        elif kind is float and isinstance(value, int | float) and 0 <= value < float("inf"):
            return float(value)
        elif kind is not float and type(value) is kind and (kind is not int or value >= 0):
            return value
    raise DataError(f"Its {name} is {value!r}.", "Look at the file.")
