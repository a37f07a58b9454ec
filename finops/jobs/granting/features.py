"""Which features the settings enable, what each is, and where it acts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finops.errors import UsageError

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.janitor import Rule

ML = "microsoft.machinelearningservices/workspaces"


@dataclass(frozen=True)
class Feature:
    """by_hand: run by people only, and therefore not enabled by any setting."""

    name: str
    what: str
    by_hand: bool = False


FEATURES: tuple[Feature, ...] = (
    Feature("estate", "reading what exists"),
    Feature("charges", "asking Cost Management what it costs (no charges.sources)"),
    Feature("check", "`finops permissions check`"),
    Feature("guard", "`finops guard run --enforce` (guard.mode or a scope of it is enforce)"),
    Feature("guard recreate", "the same, dedicated clusters made anew (guard.recreate is allow)"),
    Feature("images", "rules about images (janitor.mode is not off)"),
    Feature("janitor act", "`finops janitor apply --execute` (janitor.mode or a rule's is act)"),
    Feature("janitor stop", "rules that stop instances"),
    Feature("janitor scale", "rules that take a cluster's minimum to 0"),
    Feature("janitor traffic", "rules that take an endpoint's traffic first"),
    Feature("janitor computes", "rules that delete clusters and instances"),
    Feature("janitor endpoints", "rules that delete online endpoints"),
    Feature("janitor deployments", "rules that delete online deployments"),
    Feature("janitor batch", "rules that delete batch endpoints"),
    Feature("janitor archive", "rules that archive environments"),
    Feature("janitor disable", "rules that switch schedules off"),
    Feature("janitor images", "rules that delete images"),
    Feature("tier", "`finops tier plan` (tiering.mode is not off)"),
    Feature("tier apply", "`finops tier apply --execute` and `undo` (tiering.mode or a scope's is ask or enforce)"),
    Feature("tier tracking", "the same, last access tracking switched on (tiering.tracking)"),
    Feature("tier inventory", "the same, inventories set up (tiering.inventory)"),
    Feature("tier blobs", "the same, small accounts blob by blob (tiering.small_account)"),
    Feature("compliance", "what Azure Policy says, in the report and daily"),
    Feature("key vault", "secrets given as keyvault:NAME (azure.key_vault)"),
    Feature("policy compliance", "`finops policy compliance`", by_hand=True),
    Feature("policy deploy", "`finops policy deploy`", by_hand=True),
    Feature("policy remediate", "`finops policy remediate`", by_hand=True),
    Feature("budget sync", "`finops budget sync --execute`", by_hand=True),
    Feature("undo", "`finops janitor undo`", by_hand=True),
)

# What a rule's action takes, by the type that it is done to ("" for every one).
ACTIONS: Mapping[tuple[str, str], str] = {
    ("stop", ""): "janitor stop",
    ("scaleToZero", ""): "janitor scale",
    ("minNodes0", ""): "janitor scale",
    ("traffic0", ""): "janitor traffic",
    ("archive", ""): "janitor archive",
    ("disable", ""): "janitor disable",
    ("deleteImage", ""): "janitor images",
    ("delete", f"{ML}/computes"): "janitor computes",
    ("delete", f"{ML}/onlineendpoints"): "janitor endpoints",
    ("delete", f"{ML}/onlineendpoints/deployments"): "janitor deployments",
    ("delete", f"{ML}/batchendpoints"): "janitor batch",
}


def features(names: Iterable[str]) -> list[Feature]:
    """The features of these names, with those that they stand on."""
    known = {one.name: one for one in FEATURES}
    wanted: dict[str, None] = {}
    for name in names:
        if name not in known:
            raise UsageError(f"'{name}' is no feature.", f"Features are: {', '.join(known)}.")
        first, _, rest = name.partition(" ")
        above = {"guard": "guard", "janitor": "janitor act", "tier": "tier"}.get(first) if rest else None
        if name.startswith("tier ") and name != "tier apply":
            wanted |= dict.fromkeys(["tier", "tier apply"])
        wanted |= dict.fromkeys([above, name] if above else [name])
        if name == "janitor images":
            wanted["images"] = None
    return [one for one in FEATURES if one.name in wanted]


def enabled(settings: Settings, rules: Sequence[Rule]) -> list[Feature]:
    """The features that the settings enable. rules: the janitor's, as configured."""
    return features(_names(settings, rules))


def _names(settings: Settings, rules: Sequence[Rule]) -> Iterator[str]:
    yield from ("estate", "check", "compliance")
    if not settings.charges.sources:
        yield "charges"
    if settings.azure.key_vault:
        yield "key vault"
    guard, tiering = settings.guard, settings.tiering
    if "enforce" in {guard.mode, *guard.scopes.values()}:
        yield "guard"
        if guard.recreate == "allow":
            yield "guard recreate"
    if any(rule.mode != "off" and rule.action == "deleteImage" for rule in rules):
        yield "images"
    for rule in rules:
        if rule.mode == "act":
            quiet = rule.quiet.action if rule.quiet else ""
            for action in filter(None, (rule.action, quiet)):
                yield ACTIONS.get((action, ""), "") or ACTIONS[action, rule.type.lower()]
    modes = {tiering.mode, *tiering.scopes.values()}
    if modes != {"off"}:
        yield "tier"
    if modes & {"ask", "enforce"}:
        yield "tier apply"
        if tiering.tracking:
            yield "tier tracking"
        if tiering.inventory:
            yield "tier inventory"
        if tiering.small_account:
            yield "tier blobs"


def acting_scopes(settings: Settings, subscriptions: Sequence[str]) -> tuple[str, ...]:
    """Where the executor acts: the subscriptions, or only what guard.scopes enforces where nothing else acts."""
    guard = settings.guard
    rules = settings.janitor
    elsewhere = (
        guard.mode == "enforce"
        or "act" in {rules.mode, *(one.mode for one in rules.rules.values())}
        or {settings.tiering.mode, *settings.tiering.scopes.values()} & {"ask", "enforce"}
    )
    narrow = tuple(scope for scope, mode in guard.scopes.items() if mode == "enforce")
    return narrow if narrow and not elsewhere else tuple(f"/subscriptions/{one}" for one in subscriptions)
