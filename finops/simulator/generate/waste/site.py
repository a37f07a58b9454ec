"""Where a round of planted waste lies, and the ways in which a thing can be protected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from finops.simulator.clock import moment_of
from finops.simulator.generate import bodies
from finops.simulator.generate.draft import Draft
from finops.simulator.generate.organisation import Place


@dataclass(frozen=True)
class Site:
    """A development workspace, another that is not production, a lab without tags; `number` counts the rounds."""

    draft: Draft
    dev: Place
    other: Place
    lab: Place
    number: int

    def named(self, place: Place, what: str) -> str:
        """At most 32 characters, as AML has it of endpoints."""
        return f"{place.team[:9]}-{what}{f'-{self.number:02d}' if self.number else ''}"

    def day(self, from_now: int) -> str:
        """A day as people write it into a tag."""
        return f"{moment_of(self.draft.as_of) + timedelta(days=from_now):%Y-%m-%d}"

    def tags(self, place: Place, **more: str) -> dict[str, str]:
        return {"CostCenter": place.team, "Environment": place.environment, "Owner": place.owner, **more}

    def keep_tag(self) -> dict[str, str]:
        """The tag that keeps a thing from every rule, as docs/guard.md has it."""
        return {"finops:keep": f"{self.day(45)};the auditors asked for it"}

    def lock(self, scope: str) -> None:
        created = self.draft.ago(60)
        body = bodies.lock(scope, "audit-hold", "Kept for the audit of 2026.", created, "sp-governance")
        self.draft.put(created, "", body)
