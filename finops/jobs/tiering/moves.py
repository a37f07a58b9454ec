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
from finops.jobs.tiering.deeds import MOVE, MOVE_BACK, TIERING, once
from finops.tiering.singles import Ended, Single, batches, look_again

if TYPE_CHECKING:
    from finops.cloud import Azure, Json
    from finops.state import Intent, State
    from finops.tiering.model import Account

MOVES = f"{TIERING}{BLOBS}"
WENT = f"{TIERING}went/"  # kept under, by the number of the intent: the blobs of a batch that were moved
TOLD = 3  # reasons that are told


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
        """What became of them, with the commonest reasons of those that stayed."""
        stayed = Counter(each.why for each in (*self.kept, *self.ended) if each.result != "done")
        told = [f"{count:,} not: {why}" for why, count in stayed.most_common(TOLD)]
        more = sum(stayed.values()) - sum(count for _, count in stayed.most_common(TOLD))
        return " ".join(
            [f"{self.done:,} of {len(self.wanted):,} are moved.", *told, *([f"{more:,} more not."] if more else [])]
        )

    @property
    def whole(self) -> bool:
        return self.done == len(self.wanted)

    def _still(self, body: Json) -> str | None:
        self.ready, self.kept = look_again(self.azure, self.azure.storage(body), self.wanted)
        return None if self.ready else self.says

    def _wrong(self) -> str | None:
        return None if self.done else self.says


def cut(azure: Azure, account: Account, wanted: Sequence[Single]) -> list[Batch]:
    """As many to a batch as Azure takes."""
    return [Batch(azure, account, part) for part in batches(wanted)]


def keep(state: State, intent: int | None, batch: Batch | None, now: datetime) -> None:
    """Write down which blobs of a batch went: what stayed behind, others may move later, and that is theirs."""
    if intent is not None and batch is not None and batch.ended:
        # What could not be read back may have gone: reading it decides, at undo.
        went = [each.single for each in batch.ended if each.result in ("done", "unknown")]
        state.keep(f"{WENT}{intent}", [[one.container, one.name] for one in went], now)


def left(intents: Sequence[Intent], kept: Mapping[str, Any]) -> list[Single]:
    """The blobs that were moved and not moved back since, as they were to go. kept: what `keep` wrote; where a run was
    broken off before that, all that were to go: whether they did, reading tells."""
    found: dict[tuple[str, str], Single] = {}
    for intent in intents:
        went = kept.get(f"{WENT}{intent.number}")
        for row in intent.evidence.get("blobs") or () if intent.rule == MOVES else ():
            one = _single(row)
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
