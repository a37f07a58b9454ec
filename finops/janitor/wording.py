"""What a rule says to the owner, with the numbers in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

# {facts.daysWithoutRequests:day}, {parameters.days}, {name}, {workspace}; after the colon a noun that is counted.
BLANK = re.compile(r"\{([A-Za-z]+)(?:\.([A-Za-z0-9]+))?(?::([a-z ]+))?\}")
OTHERS = ("name", "workspace")


def blanks(text: str) -> Iterator[tuple[str, str, str]]:
    """(what is written, its kind, its name) of each blank of a text."""
    for found in BLANK.finditer(text):
        yield found[0], found[1], found[2] or ""


def filled(text: str, facts: Mapping[str, Any], parameters: Mapping[str, Any], resource_id: str) -> str:
    """The text with what is known of one resource. What is not known is said to be so."""
    parts = resource_id.strip("/").split("/")
    others = {"name": parts[-1]}
    lower = [part.lower() for part in parts]
    if "workspaces" in lower:
        others["workspace"] = parts[lower.index("workspaces") + 1]

    def fill(found: re.Match[str]) -> str:
        kind, name, noun = found[1], found[2] or "", found[3] or ""
        if kind == "facts":
            value = getattr(facts.get(name), "value", None)
        elif kind == "parameters":
            value = parameters.get(name.lower())
        else:
            value = others.get(kind)
        return counted(value, noun)

    return BLANK.sub(fill, text)


def counted(value: Any, noun: str = "") -> str:
    """A value with its noun, such as "14 days" and "1 day"; says so where it is not known."""
    if value is None:
        return f"an unknown number of {noun}s" if noun else "(not known)"
    written = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return f"{written} {noun}{'' if value == 1 else 's'}" if noun else written


# Facts whose name alone says too little.
SAID = {
    "deployments": "number of deployments", "servingDeployments": "deployments that may answer",
    "traffic": "percent of the traffic",
    "mirrorTraffic": "percent of the mirrored traffic", "ownerExists": "whether its owner still has an account",
    "idleNodesLast7Days": "nodes that idled all of the last 7 days", "costCenter": "CostCenter",
    "daysSinceInvoked": "days since it was invoked", "daysSinceUsed": "days since it was used",
    "daysSinceLastJob": "days since its last job", "daysStopped": "days since it was stopped",
    "idleHours": "hours without work", "lastChangedDays": "days since it was changed", "ageDays": "age in days",
    "targetsMissing": "targets that are gone", "reached": "whether anything refers to it",
    "pushedDays": "days since it was pushed", "newestRank": "place in its repository, newest first",
    "tagged": "whether it has a tag", "imageLocked": "whether the registry has it locked",
    "computeType": "kind of compute", "isEnabled": "switched on", "isArchived": "archived",
}  # fmt: skip


def words(subject: str) -> str:
    """A field or fact as people say it: "days without requests", "provisioning state"; an expression as it is."""
    if subject.startswith("["):
        return subject
    name = subject.rpartition(".")[2]
    return SAID.get(name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).lower()


ASKED = {
    "equals": "is", "notequals": "is not", "in": "is one of", "notin": "is none of", "greater": "more than",
    "greaterorequals": "at least", "less": "less than", "lessorequals": "at most",
    "contains": "contains", "notcontains": "does not contain", "like": "is like", "notlike": "is not like",
    "match": "is written as", "notmatch": "is not written as",
}  # fmt: skip


def said(operator: str, asked: Any) -> str:
    """A condition as people say it: "at least 14"."""
    low = operator.lower()
    if low == "exists":
        return "is there" if str(asked).lower() == "true" else "is not there"
    if isinstance(asked, list):
        asked = ", ".join(map(str, asked))
    return f"{ASKED.get(low, operator)} {str(asked).lower() if isinstance(asked, bool) else asked}"
