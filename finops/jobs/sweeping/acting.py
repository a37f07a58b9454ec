"""The janitor's changes, as acts: what is sent for each action, and what shows afterwards that it was done."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.acts import Act, Held, is_image
from finops.acts.protection import has_keep
from finops.approvals import NotAllowed
from finops.errors import FinopsError
from finops.estate.generation import generation_of
from finops.estate.ids import type_of
from finops.estate.model import Json, at, text
from finops.estate.queries import COMPUTE, ML_VERSION
from finops.jobs.claims import MIN_NODES
from finops.tombstones import Content, Step, sent, taken, taken_tag

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.state import Record

RULE = "janitor/"  # before the rule's name, in intents
# The steps of a record's life that change Azure, as its intents name them.
ACT, QUIET, BACK, UNDO = "act", "quiet", "back", "undo"
CHUNK = 1 << 22  # bytes of a layer that are held in memory
SCALE = "properties.properties.scaleSettings"


@dataclass(frozen=True)
class Change:
    """One request, and the part of the body that shows afterwards that it was done; None: it is gone."""

    verb: str
    path: str
    body: Json | None = None
    params: dict[str, str] = field(default_factory=dict)
    afterwards: Json | None = None

    def send(self, hand: Azure) -> Json:
        if self.verb == "DELETE":
            return hand.delete(self.path, ML_VERSION, params=self.params or None)
        if self.verb == "POST":
            return hand.post(self.path, ML_VERSION)
        return (hand.put if self.verb == "PUT" else hand.patch)(self.path, ML_VERSION, self.body)


def change_of(action: str, body: Json) -> Change | None:
    """What is sent to do `action` to a resource as it is now; None where it is done already."""
    resource_id = body["id"]
    if action == "delete":
        params = {"underlyingResourceAction": "Delete"} if type_of(resource_id) == COMPUTE else {}
        return Change("DELETE", resource_id, params=params)
    if action == "stop":
        if text(body, "properties.properties.state").lower() == "stopped":
            return None
        return Change("POST", f"{resource_id}/stop", afterwards={"properties": {"properties": {"state": "Stopped"}}})
    wanted = taken(action, body)
    if not wanted:
        return None
    by_name = {path.rpartition(".")[2]: value for path, value in wanted.items()}
    if action in {"scaleToZero", "minNodes0"}:
        whole: Json = {"properties": {"properties": {"scaleSettings": {**(at(body, SCALE) or {}), **by_name}}}}
        marks = {"properties": {"properties": {"scaleSettings": {"minNodeCount": 0, **by_name}}}}
        return Change("PATCH", resource_id, whole, afterwards=marks)
    # Azure's PATCH of an endpoint takes tags and identity only, so it is a PUT.
    whole = sent({"traffic0": "endpoint", "archive": "environment", "disable": "schedule"}[action], body)
    whole["properties"] |= copy.deepcopy(by_name)
    return Change("PUT", resource_id, whole, afterwards={"properties": by_name})


def first_step(record: Record) -> str:
    """Which step comes next in the life of a record."""
    return QUIET if record.finding.quiet and record.status != "quiet" else ACT


def action_of(record: Record) -> str:
    """What is done to its resource in that step."""
    quiet = record.finding.quiet
    return str(quiet["action"]) if quiet and record.status != "quiet" else record.finding.action


def decision_of(record: Record) -> str:
    """What allows it, as it is written down: who approved what."""
    by = ", ".join(f"{vote.name} ({vote.oid})" for vote in record.votes if vote.says == "approve")
    return f"finding {record.number}, digest {record.finding.digest}, approved by {by}"


def nothing_to_take(content: Content) -> bool:
    """Whether the resource of a tombstone had nothing that the action could change."""
    return content.image is None and change_of(content.action, content.main().body) is None


@dataclass
class Deed:
    """One act on account of a record: looked at again, written down as begun, then sent.

    check   asked with a body read just now: None, or why it must not be done. It has the last word
    enter   moves the record on, on the disk, before the request leaves; NotAllowed where the approval is not there
    """

    record: Record
    step: str
    action: str
    check: Callable[[Json], str | None]
    enter: Callable[[], Any]
    tombstone: str
    decision: str

    def act(self, body: Json) -> Act:
        """The act, where `body` is the resource as it was looked at."""
        finding = self.record.finding
        image = is_image(finding.resource_id)
        change = None if image else change_of(self.action, body)
        ready: list[tuple[Change, Json]] = []  # with the body that it was made of
        entered: list[bool] = []  # a request that Azure turned away is sent again, on the same approval

        def still(fresh: Json) -> str | None:
            if why := self.check(fresh):
                return why
            if not image:
                found = change_of(self.action, fresh)
                if found is None:
                    return "It is so already."
                if found.afterwards != (change.afterwards if change else None):
                    return "It was changed while it was looked at."
                ready[:] = [(found, fresh)]
            return None

        def send(hand: Any) -> None:
            path = finding.resource_id if image else ready[0][0].path
            hand.ready(path)
            if not image and (why := self._overtaken(hand, *ready[0])):
                raise Held(why, "It is looked at again by the next run.")
            if not entered:
                try:
                    self.enter()
                except NotAllowed as refusal:
                    raise Held(refusal.what, refusal.fix) from refusal
                entered.append(True)
            if image:
                hand.delete_image()
            else:
                ready[0][0].send(hand)

        return Act(
            resource_id=finding.resource_id,
            generation=finding.generation,
            action=self.action if self.step == ACT else f"{self.action} (quiet step)",
            why=finding.why,
            rule=f"{RULE}{finding.rule}",
            evidence={
                "record": self.record.number, "step": self.step, "digest": finding.digest, "tombstone": self.tombstone,
                **({MIN_NODES: at(body, f"{SCALE}.minNodeCount")} if self.action == "scaleToZero" else {}),
            },
            expected_saving=finding.saving if finding.saving is not None else finding.monthly_cost,
            request=send,
            still_holds=still,
            confirmed=lambda read: _overwritten(*ready[0], read) if ready and read else None,
            afterwards=change.afterwards if change else None,
            owner=finding.owner,
            decision=self.decision,
        )  # fmt: skip

    def _overtaken(self, hand: Azure, change: Change, made_of: Json) -> str | None:
        """That somebody wrote to it during the look, which took its time: what is sent would write over it."""
        latest = hand.state_of(made_of["id"], ML_VERSION)
        same = (
            latest is not None and generation_of(latest) == generation_of(made_of)
            and latest.get("tags") == made_of.get("tags") and change_of(self.action, latest) == change
        )  # fmt: skip
        return None if same else "Somebody has changed it just now, which stays."


def restoring(azure: Azure, record: Record, step: Step, body: Json | None, why: str, name: str) -> Act:
    """One step of an undo, or of taking back a quiet step. `body`: the resource as it is now, None where it is to be
    made."""

    def send(hand: Any) -> Any:
        if step.manifest is not None:
            for layer in step.layers:
                hand.put_layer(f"sha256:{layer.name}", _pieces(layer))
            return hand.put_image(step.label, step.manifest.read_bytes(), step.media_type)
        if step.verb == "POST":
            return hand.post(step.path, step.api_version)
        return (hand.put if step.verb == "PUT" else hand.patch)(step.path, step.api_version, step.body)

    if not step.makes and body is None:
        raise FinopsError(f"{step.id} is not there.", "Look at it in Azure.")
    return Act(
        resource_id=step.id,
        generation=None if step.makes else generation_of(body or {}),
        action=step.says[:200],
        why=why,
        rule=f"{RULE}{name}",
        evidence={"record": record.number, "step": name, "tombstone": record.tombstone},
        expected_saving=Decimal(0),
        request=send,
        still_holds=lambda fresh: _overtaken(step, fresh) or _taken(azure, step),
        confirmed=lambda read: None,
        afterwards=step.afterwards,
        owner=record.finding.owner,
        api_version=step.api_version,
        gives_back=True,
    )


def _overwritten(change: Change, before: Json, read: Json) -> str | None:
    """Which tags are not as they were read before a PUT of the whole: it is taken back then, and people are asked."""
    if change.verb != "PUT" or generation_of(read) != generation_of(before):
        return None
    was, now = before.get("tags") or {}, read.get("tags") or {}
    if has_keep(now) and not has_keep(was):
        return "Somebody gave it the tag finops:keep at the same moment."
    other = sorted(name for name in was if now.get(name) != was[name])
    return f"Its tags are not what they were before: {', '.join(other)}." if other else None


def _overtaken(step: Step, fresh: Json) -> str | None:
    """That somebody has written since the body was made that is sent: theirs stays, and the next try is made of it."""
    return "Somebody has changed it just now, which stays. Try again." if step.overtaken(fresh) else None


def _taken(azure: Azure, step: Step) -> str | None:
    """Who has the tag by now that an image had: whoever moved it meant to."""
    digest = taken_tag(azure, step.id, step.label) if step.label else ""
    return f"The tag {step.label} names {digest} by now." if digest else None


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(CHUNK):
            yield piece
