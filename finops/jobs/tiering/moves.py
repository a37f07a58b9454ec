"""Single blobs moved in batches, each batch an act: looked at again, moved only if still the blob that was planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from finops.acts import Act
from finops.acts.storage import BLOBS, afterwards, written
from finops.errors import AzureError
from finops.jobs.tiering.deeds import MOVE, MOVE_BACK, TIERING, once
from finops.jobs.tiering.past import changes
from finops.tiering.singles import Ended, Single, batches, look_again, settle

if TYPE_CHECKING:
    from finops.cloud import Azure, Json
    from finops.state import Intent, State
    from finops.tiering.model import Account

MOVES = f"{TIERING}{BLOBS}"
WENT = f"{TIERING}went/"  # kept under, by the number of the intent: the blobs of a batch that were moved
TOLD = 3  # reasons that are told
Blob = tuple[str, str, str, str]


@dataclass
class Batch:
    """Up to 256 blobs of one account. kept: those that were not sent, and why; ended: what became of the others."""

    azure: Azure
    account: Account
    wanted: Sequence[Single]
    ready: list[Single] = field(default_factory=list)
    kept: list[Ended] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)

    def act(
        self, why: str, evidence: Json, saving: Decimal, decision: str, enter: Callable[[], None] | None,
        gives_back: bool = False,
    ) -> Act:  # fmt: skip
        entered = once(enter)

        def request(hand: Any) -> None:
            hand.ready(self.account.id)
            entered()
            self.ended = hand.move(self.ready)

        of = [[one.container, one.name, one.after, written(one.modified)] for one in self.wanted]
        return Act(
            resource_id=self.account.id,
            generation=self.account.created.isoformat() if self.account.created else "",
            action=MOVE_BACK if gives_back else MOVE,
            why=why,
            rule=MOVES,
            evidence=evidence | {"blobs": [_row(one) for one in self.wanted]},
            expected_saving=saving,
            request=request,
            still_holds=self._still,
            confirmed=lambda body: self._wrong(),
            afterwards=afterwards(BLOBS, {"moved": True, "of": of}),
            decision=decision,
            gives_back=gives_back,
        )

    @property
    def done(self) -> int:
        return sum(each.result == "done" for each in self.ended)

    @property
    def says(self) -> str:
        return said([self])

    @property
    def whole(self) -> bool:
        return self.done == len(self.wanted)

    def _still(self, body: Json) -> str | None:
        self.ready, self.kept = look_again(self.azure, self.azure.storage(body), self.wanted)
        return None if self.ready else self.says

    def _wrong(self) -> str | None:
        return None if self.done else self.says


def said(batches: Sequence[Batch]) -> str:
    """What became of the blobs of batches, with the commonest reasons of those that stayed."""
    stayed = Counter(each.why for one in batches for each in (*one.kept, *one.ended) if each.result != "done")
    done, wanted = sum(one.done for one in batches), sum(len(one.wanted) for one in batches)
    told = [f"{count:,} not: {why}" for why, count in stayed.most_common(TOLD)]
    more = sum(stayed.values()) - sum(count for _, count in stayed.most_common(TOLD))
    return " ".join([f"{done:,} of {wanted:,} are moved.", *told, *([f"{more:,} more not."] if more else [])])


def cut(azure: Azure, account: Account, wanted: Sequence[Single]) -> list[Batch]:
    """As many to a batch as Azure takes."""
    return [Batch(azure, account, part) for part in batches(wanted)]


def keep(state: State, intent: int | None, batch: Batch | None, now: datetime) -> None:
    """Write down which blobs of a batch went: what stayed behind, others may move later, and that is theirs."""
    if intent is not None and batch is not None and batch.ended:
        _keep(state, intent, batch.ended, now)


def found_out(azure: Azure, state: State, now: datetime) -> None:
    """The same of batches that a run was broken off in, by reading each of their blobs. That anything of them was done
    is known by then (see `reconcile`). What cannot be read now, the next run reads."""
    kept = state.kept(WENT)
    for intent in changes(state):
        if intent.rule == MOVES and intent.outcome == "done" and f"{WENT}{intent.number}" not in kept:
            try:
                storage = azure.storage(azure.get(intent.resource_id, intent.api_version))
            except AzureError:
                continue
            _keep(state, intent.number, settle(azure, storage, _blobs(intent)), now)


def _keep(state: State, intent: int, ended: Sequence[Ended], now: datetime) -> None:
    # What could not be read back may have gone: reading it decides, at undo.
    went = [[one.single.container, one.single.name] for one in ended if one.result in ("done", "unknown")]
    state.keep(f"{WENT}{intent}", went, now)


def left(intents: Sequence[Intent], kept: Mapping[str, Any]) -> list[Single]:
    """The blobs that were moved and not moved back since, as they were to go. kept: what `keep` wrote; of a batch of
    which that is not known, all that were to go: whether they did, reading tells."""
    found: dict[tuple[str, str], Single] = {}
    for intent in intents:
        went = kept.get(f"{WENT}{intent.number}")
        for one in _blobs(intent):
            if went is not None and [one.container, one.name] not in went:
                continue
            if intent.action == MOVE_BACK:
                if intent.outcome == "done":
                    found.pop((one.container, one.name), None)
            elif intent.outcome not in ("changed-since", "not-done"):
                before = found.get((one.container, one.name))
                # Moved on by a later run: the way back is to where it was at first.
                found[one.container, one.name] = _on(before, one) if before else one
    return list(found.values())


def moved_since(state: State, account_id: str, since: datetime) -> set[Blob]:
    """The blobs that were moved after an inventory that has them where they were, by what `blob_of` tells."""
    later = [intent for intent in changes(state, account_id) if intent.opened_at >= since]
    return {blob_of(one) for one in left(later, state.kept(WENT))}


def blob_of(one: Single) -> Blob:
    """What a blob is told by, in a tier that it may be moved from."""
    return one.container, one.name, one.before, written(one.modified)


def _blobs(intent: Intent) -> list[Single]:
    rows = intent.evidence.get("blobs") or () if intent.rule == MOVES else ()
    return [_single(row) for row in rows]


def _on(before: Single, one: Single) -> Single:
    same = before.after == one.before and before.modified == one.modified
    return Single(one.container, one.name, one.bytes, before.before if same else one.before, one.after, one.modified)


def _row(one: Single) -> list[Any]:
    return [one.container, one.name, one.before, one.after, written(one.modified), one.bytes]


def _single(row: Sequence[Any]) -> Single:
    container, name, before, after, modified, size = row
    when = datetime.strptime(modified, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return Single(container, name, int(size), before, after, when)


def bytes_of(wanted: Sequence[Single]) -> int:
    return sum(one.bytes for one in wanted)
