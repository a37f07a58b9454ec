"""Jobs that are too many to be read back as far as their images are needed: what was not read is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from estates import AS_OF, workspace_id

from finops.estate import Estate, Resource, queries
from finops.images.completing import complete
from finops.images.model import Blind

HOME = workspace_id("ml-prod")
ALL = frozenset({HOME.lower()})


class Listing:
    """An Azure of one workspace whose jobs, newest first, were sent evenly over `days`."""

    def __init__(self, count: int, days: int) -> None:
        self.count, self.days = count, days

    def pages(self, path: str, version: str, params: Any = None) -> Iterator[dict[str, Any]]:
        for number in range(self.count):
            sent = AS_OF - timedelta(days=self.days) * number / self.count
            yield {"id": f"{HOME}/jobs/j{number}", "systemData": {"createdAt": sent.isoformat()}, "properties": {}}

    def each(self, items: Iterable[Any], work: Callable[[Any], Any]) -> Iterator[tuple[Any, Any]]:
        for item in items:
            yield item, work(item)


def blind(count: int, days: int, job_days: int) -> list[Blind]:
    home = Resource(HOME, {"id": HOME, "type": queries.WORKSPACE})
    seen = Estate(AS_OF, {HOME.lower(): home}, (), listed={queries.SCHEDULES: ALL, queries.ENVIRONMENTS: ALL})
    return complete(Listing(count, days), seen, AS_OF, job_days)[1]  # type: ignore[arg-type]


def test_jobs_that_were_not_read_back_far_enough_are_said_so_that_no_image_is_taken_for_unused():
    [said] = blind(queries.JOBS_AT_MOST_LONG * 2, days=100, job_days=90)

    assert said.server == ""  # any registry
    assert said.reason.startswith(f"the jobs of {HOME} are so many that only those since ")


@pytest.mark.parametrize(("count", "job_days"), [(queries.JOBS_AT_MOST_LONG * 2, 40), (5000, 90)])
def test_jobs_that_were_read_back_far_enough_hide_nothing(count: int, job_days: int):
    assert blind(count, days=100, job_days=job_days) == []
