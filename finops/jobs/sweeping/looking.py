"""A fresh look at a few resources: read directly, decided by the same rules and exemptions as in a sweep."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from finops import approvals, estate, exemptions, images, janitor
from finops.acts import is_image
from finops.acts.hand import OLDEST_READING_SECONDS
from finops.estate import Estate
from finops.estate.facts import LISTED_ON_REQUEST
from finops.exemptions import Exemption
from finops.janitor import Found, Rule
from finops.state import Record

if TYPE_CHECKING:
    from finops.cloud import Azure
    from finops.config.model import Settings
    from finops.state import State

SEEN = "janitor"  # what a sweep remembers resources as
# What tells signs of life, beside what a sweep reads.
SIGNS = {"runningJobs", "queuedJobs"}


class Looker:
    """Looks as often as it is asked; the rules are read once a run."""

    def __init__(self, azure: Azure, settings: Settings, state: State) -> None:
        self._azure, self._settings, self._state = azure, settings, state
        self._read: tuple[float, Estate] | None = None

    @cached_property
    def rules(self) -> list[Rule]:
        return janitor.rules(janitor.folders(self._settings), self._settings.janitor)

    def look(self, records: Iterable[Record], now: datetime) -> tuple[Estate, Found]:
        """What is there now of the resources of `records`, and what their rules find in it."""
        wanted = {record.finding.rule for record in records}
        rules = [rule for rule in self.rules if rule.name in wanted and rule.mode != "off"]
        ids = [record.finding.resource_id for record in records]
        facts = janitor.wanted(rules) | SIGNS
        seen = estate.look(self._azure, ids, now, None, facts, self._state.sightings(SEEN))
        pictures = [one for one in ids if is_image(one)]
        if pictures:
            own = self._settings.janitor
            held = images.look(
                self._azure, self._whole(now), pictures, now, own.keep_newest,
                job_days=own.job_days, files=own.image_files,
            )  # fmt: skip
            seen = seen.merged(held.resources(), held.gaps)
        # Siblings are read for the facts of these only, and are not measured: no rule is asked about them.
        said = approvals.words(self._state, now)
        return seen, janitor.find(seen, rules, now, self._settings, self._filed(now), said)

    def _whole(self, now: datetime) -> Estate:
        """The whole estate, as anything in it may refer to an image; read at most 300 s ago (invariant I1)."""
        clock = self._azure.time.monotonic()
        if self._read is None or clock - self._read[0] > OLDEST_READING_SECONDS / 2:
            self._read = clock, estate.read(self._azure, now, facts=LISTED_ON_REQUEST)
        return self._read[1]

    def _filed(self, now: datetime) -> list[Exemption]:
        guard = self._settings.guard
        if guard.exemptions is None:
            return []
        known = [*exemptions.RULES, *janitor.names(janitor.folders(self._settings))]
        return exemptions.by_file(guard.exemptions, now, guard.exemption_days, known)
