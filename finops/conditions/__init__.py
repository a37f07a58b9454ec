"""Does a resource satisfy an Azure Policy condition? Yes, no, or it cannot be told and why. See docs/conditions.md."""

from finops.conditions.aliases import Alias, Aliases, catalogue
from finops.conditions.aliases import read as read_aliases
from finops.conditions.aliases import shipped as shipped_aliases
from finops.conditions.changes import Change, apply
from finops.conditions.explanation import Explanation, Unknown
from finops.conditions.policy import Outcome, Policy, compile_policy
from finops.conditions.related import Wanted
from finops.conditions.rules import Condition, UnknownFact, compile_condition, matches, read_rule
from finops.conditions.scope import TemplateError, Undecided

__all__ = [
    "Alias",
    "Aliases",
    "Change",
    "Condition",
    "Explanation",
    "Outcome",
    "Policy",
    "TemplateError",
    "Undecided",
    "Unknown",
    "UnknownFact",
    "Wanted",
    "apply",
    "catalogue",
    "compile_condition",
    "compile_policy",
    "matches",
    "read_aliases",
    "read_rule",
    "shipped_aliases",
]
