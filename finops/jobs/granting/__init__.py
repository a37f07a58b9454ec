"""What Azure permissions the enabled features need, as roles to give, and what is granted of it."""

from __future__ import annotations

from finops.jobs.granting.features import Feature, enabled, features
from finops.jobs.granting.needs import NEEDS, Need
from finops.jobs.granting.roles import Role, roles

__all__ = ["NEEDS", "Feature", "Need", "Role", "enabled", "features", "roles"]
