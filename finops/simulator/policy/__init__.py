"""Azure Policy from within: which rules hold where and since when, and what they say of each resource."""

from finops.simulator.policy.governance import Governance, governance_of
from finops.simulator.policy.rules import Rule

__all__ = ["Governance", "Rule", "governance_of"]
