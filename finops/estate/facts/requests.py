"""Whether an online endpoint is called."""

from __future__ import annotations

from datetime import datetime, timedelta

from finops.estate.evidence import Evidence, NotKnown, Points, Series
from finops.estate.facts import fact
from finops.estate.facts.age import created_at
from finops.estate.model import Json, Known
from finops.estate.queries import ENDPOINT

# The only aggregation that Azure offers for it is the average; over all status codes together it understates the
# count, but it is above zero whenever one request came, which is what decides.
REQUESTS = Series(ENDPOINT, "RequestsPerMinute", aggregation="average", days=14)


@fact("requestsLast14Days", of=ENDPOINT, series=[REQUESTS])
def requests_last_14_days(body: Json, evidence: Evidence) -> Known:
    """Requests in the last 14 whole days, to the hour; at least 1 when there was any."""
    total = sum(value * 60 for _, value in _requests(body, evidence))
    return Known(max(round(total), 1) if total > 0 else 0, REQUESTS.window(evidence.as_of)[1])


@fact("lastRequest", of=ENDPOINT, series=[REQUESTS])
def last_request(body: Json, evidence: Evidence) -> datetime:
    """Start of the latest hour with a request, UTC."""
    busy = [moment for moment, value in _requests(body, evidence) if value > 0]
    if not busy:
        raise NotKnown(f"there was none in the last {REQUESTS.days} days, which is as far back as we read")
    return busy[-1]


def _requests(body: Json, evidence: Evidence) -> Points:
    points = evidence.points(body["id"], REQUESTS)
    start, _ = REQUESTS.window(evidence.as_of)
    created = created_at(body)
    # The hour in which the window starts may be the hour in which the endpoint was made.
    if created and created > start + timedelta(hours=1):
        days = (evidence.as_of - created).days
        raise NotKnown(f"it is {days} days old, younger than the {REQUESTS.days} days measured")
    return points
