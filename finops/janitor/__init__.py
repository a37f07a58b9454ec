"""What counts as waste: the rules in `janitor/`, and what they find in an estate. See docs/janitor-rules.md.

rules = janitor.rules(folder, settings.janitor)
found = janitor.find(estate, rules, now, settings, exemptions)
"""

from finops.janitor.model import ACTIONS, MODES, QUIET_ACTIONS, Action, Finding, Found, Kept, Mode, Quiet, Risk, Rule

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
]
