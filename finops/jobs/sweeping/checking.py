"""Whether what was approved is still so: everything is read again, decided again, and compared by digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from finops import images
from finops.acts import generation_of, is_image
from finops.estate import Estate, Gap, Known, Resource
from finops.estate.generation import same_generation
from finops.estate.ids import key, scopes
from finops.estate.queries import RESOURCE
from finops.janitor import Finding, Found
from finops.janitor.evidence import plain
from finops.state import Record, StoredFinding

# same: nothing that an approver relied on has changed. differs: it is waste, but other evidence. kept: it is none any
# more, or is protected. gone: it is not there. unknown: something could not be read.
Verdict = Literal["same", "differs", "kept", "gone", "unknown"]


@dataclass(frozen=True)
class Check:
    """What a fresh look says of one record. `finding`: what was found now, where the rule still finds it."""

    verdict: Verdict
    why: str
    finding: Finding | None = None


def check(record: Record, estate: Estate, found: Found) -> Check:
    """The verdict of a look at the resource of one record. Pure."""
    asked = record.finding
    name = key(asked.resource_id)
    now = next((one for one in found.findings if one.rule == asked.rule and key(one.resource_id) == name), None)
    kept = next((one for one in found.kept if one.rule == asked.rule and key(one.resource_id) == name), None)
    resource = estate.resources.get(name)
    if resource is None:
        # What lies below something that is gone cannot be read either: that is no gap of its own.
        hides = _hides_image if is_image(name) else _hides
        hidden = next((gap for gap in estate.gaps if hides(gap, name)), None)
        if hidden is not None:
            return Check("unknown", f"It could not be read again: {hidden.reason}.")
        return Check("gone", "It is not there any more.")
    made = generation_of(resource.body)
    if not is_image(asked.resource_id) and not same_generation(made, asked.generation):
        if not made or not asked.generation:
            return Check("unknown", "Azure does not say when it was made, so it cannot be told from a namesake.")
        return Check("gone", f"It was deleted, and another one of its name was made {made}.")
    if now is not None:
        if now.digest == asked.digest:
            return Check("same", "Nothing has changed.", now)
        near = next((gap for gap in estate.gaps if _is_near(gap, name)), None)
        # What looks different may only be what could not be read.
        return Check("unknown", f"It could not be read whole: {near.reason}.") if near else _differs(asked, now)
    if kept is not None:
        return Check("unknown" if kept.unknown else "kept", kept.why)
    if asked.rule not in found.looked_at:
        return Check("unknown", f"The rule {asked.rule} was not asked.")
    return Check("kept", f"The rule does not hold any more{_since(asked, resource)}.")


def _since(asked: StoredFinding, resource: Resource) -> str:
    """What of the evidence is otherwise now, as far as it was measured both times."""
    said = []
    for one in asked.evidence.get("checks") or ():
        fact = resource.facts.get(str(one["field"]).removeprefix("facts."))
        if isinstance(fact, Known) and plain(fact.value) != one["is"]:
            said.append(f"{one['what']}: {plain(fact.value)} now, {one['is']} when it was found")
    return ": " + "; ".join(said) if said else ""


def _is_near(gap: Gap, name: str) -> bool:
    """Whether what could not be read is the resource, above it or below it."""
    return key(gap.scope) in scopes(name) or name in scopes(gap.scope)


def _hides(gap: Gap, name: str) -> bool:
    return key(gap.scope) in scopes(name) and gap.what == RESOURCE


def _hides_image(gap: Gap, name: str) -> bool:
    """Whether anything in the image's registry, or above it, could not be read."""
    registry, _, _ = images.parts_of(name)
    return key(gap.scope) in scopes(registry) or key(registry) in scopes(gap.scope)


def _differs(before: StoredFinding, now: Finding) -> Check:
    """Other evidence than was approved, and in words what is other."""
    said = []
    if before.fingerprint != now.fingerprint:
        said.append("its settings were changed")
    new = sorted(set(now.dependents) - set(before.dependents))
    lost = sorted(set(before.dependents) - set(now.dependents))
    said += [f"{one} refers to it now" for one in new] + [f"{one} does not refer to it any more" for one in lost]
    with_it, had = now.evidence.get("goesWithIt"), before.evidence.get("goesWithIt")
    if with_it != had:
        said.append("other things would be deleted with it")
    if before.owner != now.owner:
        said.append(f"its owner is {now.owner or 'not known'}")
    text = "; ".join(said) or "the evidence is not what was approved"
    return Check("differs", f"{text[0].upper()}{text[1:]}.", now)
