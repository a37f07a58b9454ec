"""Parameters that nothing uses, and those that people who assign the policy will not understand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from finops.policy.lint import Found, Subject, part, rule
from finops.policy.lint.walk import texts


@rule("unused-parameter", "error")
def unused(subject: Subject) -> Iterator[Found]:
    if any(DYNAMIC.search(text) for _, text in texts(subject.rule, "")):
        return  # parameters(concat(...)) may name any of them
    used = {name for _, text in texts(subject.rule, "") for name in subject.parameters if _named(name, text)}
    for name in subject.parameters:
        if name not in used:
            yield (
                f"parameters.{name}",
                "is used nowhere in the rule.",
                "Use it, or take it out: whoever sets it is misled.",
            )


DYNAMIC = re.compile(r"^\[.*parameters\(\s*[^'\s]", re.IGNORECASE | re.DOTALL)


def _named(name: str, text: str) -> bool:
    plain = "".join(text.lower().split())
    return plain.startswith("[") and f"parameters('{name.lower()}')" in plain


@rule("parameter-missing-description", "warning")
def described(subject: Subject) -> Iterator[Found]:
    for name, about in subject.parameters.items():
        if not part(part(about, "metadata"), "description"):
            yield f"parameters.{name}", "has no description.", "Add metadata.description: the portal shows it."


@rule("parameter-missing-display-name", "warning")
def named(subject: Subject) -> Iterator[Found]:
    for name, about in subject.parameters.items():
        if not part(part(about, "metadata"), "displayName"):
            yield f"parameters.{name}", "has no display name.", "Add metadata.displayName: the portal shows it."


def _effect(subject: Subject) -> object:
    return subject.parameters.get(subject.effect_parameter) if subject.effect_parameter else None


@rule("effect-parameter-missing-allowed-values", "warning")
def bounded(subject: Subject) -> Iterator[Found]:
    about = _effect(subject)
    if isinstance(about, dict) and not part(about, "allowedValues"):
        yield f"parameters.{subject.effect_parameter}", "has no allowedValues.", "List the effects that it may be."


@rule("effect-parameter-missing-default-value", "warning")
def defaulted(subject: Subject) -> Iterator[Found]:
    about = _effect(subject)
    if isinstance(about, dict) and part(about, "defaultValue") is None:
        yield f"parameters.{subject.effect_parameter}", "has no defaultValue.", "Give one, such as Audit."


@rule("risky-effect-parameter-default-value", "note")
def risky(subject: Subject) -> Iterator[Found]:
    default = part(_effect(subject), "defaultValue")
    if str(default).lower() in ("deny", "append", "denyaction"):
        yield (f"parameters.{subject.effect_parameter}.defaultValue", f"is {default}: it acts once it is assigned.",
               "Assign it as Audit first, and look at its compliance.")  # fmt: skip


TOGETHER = (
    {"deny", "audit", "append", "modify", "disabled"},
    {"auditifnotexists", "deployifnotexists", "disabled"},
    {"denyaction", "disabled"},
    {"manual", "disabled"},
    {"addtonetworkgroup", "disabled"},
    {"mutate", "disabled", "audit", "deny"},
)


@rule("effect-allowed-values-should-not-mix-incompatible-effects", "error")
def mixed(subject: Subject) -> Iterator[Found]:
    told = set(subject.effects)
    if told and not any(told <= group for group in TOGETHER):
        yield (f"parameters.{subject.effect_parameter}.allowedValues".replace("parameters..", ""),
               f"mixes effects that need different details: {', '.join(subject.effects)}.",
               "Keep those that go together, and make two policies.")  # fmt: skip
