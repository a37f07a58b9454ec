"""What counts as waste: the rules in `janitor/`, and what they find in an estate. See docs/janitor-rules.md.

rules = janitor.rules(janitor.folders(settings), settings.janitor)
found = janitor.find(seen, rules, now, settings, exemptions, words)
"""

from finops.janitor.facts import wanted
from finops.janitor.find import find
from finops.janitor.model import ACTIONS, MODES, QUIET_ACTIONS, Action, Finding, Found, Kept, Mode, Quiet, Risk, Rule
from finops.janitor.reading import folders, names, rules

__all__ = [
    "ACTIONS",
    "MODES",
    "QUIET_ACTIONS",
    "Action",
    "Finding",
    "Found",
    "Kept",
    "Mode",
    "Quiet",
    "Risk",
    "Rule",
    "find",
    "folders",
    "names",
    "rules",
    "wanted",
]
