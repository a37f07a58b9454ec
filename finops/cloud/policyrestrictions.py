"""Asks Azure Policy what it would refuse of a resource before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .shapes import Json, an_object, items_of, odd

if TYPE_CHECKING:
    from .gateway import Azure

API_VERSION = "2023-03-01"


def refusing(azure: Azure, group: str, content: Json, api_version: str, within: str) -> list[str]:
    """Names of the assignments that would deny `content`, each with its reason where Azure gives one.

    group: path of the resource group; content: with its type and name; within: the id of the parent of a child resource

    An evaluation that ended in anything but NonCompliant is an error: whether it denies is then not known.
    """
    path = f"{group}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"
    doing = f"what policies would refuse in {group}"
    asked = {"resourceDetails": {"resourceContent": content, "apiVersion": api_version, "scope": within}}
    answer = an_object(azure.send("policy", "POST", path, API_VERSION, body=asked, read=True, doing=doing).json, doing)
    result = an_object(answer.get("contentEvaluationResult"), doing)
    return [said for one in items_of(result, "policyEvaluations", doing) if (said := _denial(one, doing))]


def _denial(evaluation: Json, doing: str) -> str:
    """Who denies, in words; "" for an evaluation whose effect refuses nothing."""
    if str(evaluation.get("evaluationResult")).lower() != "noncompliant":
        raise odd(doing, f"says {evaluation.get('evaluationResult')!r} of a policy")
    effect, about, details = (evaluation.get(name) for name in ("effectDetails", "policyInfo", "evaluationDetails"))
    if isinstance(effect, dict) and str(effect.get("policyEffect")).lower() == "audit":
        return ""
    name = str((about if isinstance(about, dict) else {}).get("policyAssignmentId") or "an unnamed policy")
    reason = (details if isinstance(details, dict) else {}).get("reason")
    return f"{name.rpartition('/')[2]}{f' ({reason})' if isinstance(reason, str) and reason else ''}"
