"""What charges can be grouped and filtered by, each as SQL over FOCUS columns."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from finops.charges import tags
from finops.charges.cells import tidy
from finops.charges.columns import TEXTS, quoted
from finops.errors import UsageError

NONE = "(none)"
_IDS = {"ResourceId", "SubAccountId", "RegionId"}


@dataclass(frozen=True)
class Key:
    """`raw`: what it is read from, as SQL over a charge ("month": its first day). `sql`: its value over those.

    In `sql` the raw values are {0} and {1}; null is shown as `empty`. tag: the tag that it is, in place of both.
    Letter case of Azure names means nothing: where `folds`, spellings that differ only in case are one.
    """

    name: str
    raw: tuple[str, ...] = ()
    sql: str = ""
    empty: str | None = NONE
    folds: bool = False
    tag: str = ""

    @property
    def is_caseless(self) -> bool:
        return self.folds or self.name in _IDS


def _column(name: str, column: str = "", folds: bool = False) -> Key:
    return Key(name, (quoted(column or name),), tidy("{0}"), folds=folds)


def _arm(cell: str) -> str:
    """ARM ids are compared in lower case; ids of other clouds are kept as written."""
    whole = f"starts_with({cell}, '/') AND NOT ends_with({cell}, ' ')"
    cut = f"CASE WHEN ends_with({cell}, '/') THEN lower(rtrim({cell}, '/')) ELSE lower({cell}) END"
    other = tidy(cell)
    return f"CASE WHEN {whole} THEN {cut} WHEN starts_with({other}, '/') THEN lower({other}) ELSE {other} END"


def _segment(after: str) -> str:
    """The part of a ResourceId behind /`after`/."""
    return rf"NULLIF(regexp_extract({{0}}, '(?i)/{after}/([^/]+)', 1), '')"


_LAST = "NULLIF(list_last(string_split(rtrim({1}, '/'), '/')), '')"

KEYS = {
    key.name: key
    for key in [
        Key("CostCenter", empty=tags.UNTAGGED, tag="CostCenter"),
        *(_column(name) for name in TEXTS if name not in {"Tags", *_IDS}),
        Key("ResourceId", ('"ResourceId"',), _arm("{0}")),
        Key("SubAccountId", ('"SubAccountId"',), _arm("{0}")),
        Key("ResourceName", ('"ResourceName"', '"ResourceId"'), f"COALESCE({tidy('{0}')}, {_LAST})", folds=True),
        Key("RegionId", ('"RegionId"',), f"lower({tidy('{0}')})"),
        Key("Workspace", ('"ResourceId"',), _segment("microsoft.machinelearningservices/workspaces"), folds=True),
        Key(
            "ResourceGroup",
            ('"ResourceId"', '"x_ResourceGroupName"'),
            f"COALESCE({_segment('resourcegroups')}, {tidy('{1}')})",
            folds=True,
        ),
        Key("Day", ("CAST(ChargePeriodStart AS DATE)",), "{0}", None),
        Key("Month", ("month",), "strftime({0}, '%Y-%m')", None),
        Key("BillingMonth", ('"BillingPeriodStart"',), "strftime({0}, '%Y-%m')"),
        _column("MeterCategory", "x_SkuMeterCategory"),
        _column("MeterSubcategory", "x_SkuMeterSubcategory"),
        _column("MeterName", "x_SkuMeterName"),
    ]
}


def key(name: str) -> Key:
    """The key `name`; letter case does not matter. "Tags.<key>" is any other tag."""
    lowered = {known.lower(): known for known in KEYS}
    if known := lowered.get(name.strip().lower()):
        return KEYS[known]
    if wanted := re.fullmatch(r"tags?[.:](.+)", name.strip(), re.IGNORECASE):
        if not re.sub(r"[\W_]", "", wanted[1]):
            raise UsageError(f"'{name}' names no tag.", "Write Tags.<key>, such as Tags.env.")
        return Key(f"Tags.{wanted[1]}", empty=tags.UNTAGGED, tag=wanted[1])
    near = difflib.get_close_matches(name.lower(), lowered, n=1)
    hint = (
        f"Did you mean {lowered[near[0]]}?"
        if near
        else "Try CostCenter, ServiceName, ResourceId, Workspace, Day, Month."
    )
    raise UsageError(f"Charges cannot be grouped by '{name}'.", f"{hint} Any tag works as Tags.<key>.")
