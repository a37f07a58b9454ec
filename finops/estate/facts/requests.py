"""Whether an online endpoint or a deployment is called."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from finops.estate.evidence import Evidence, NotKnown, Points, Series
from finops.estate.facts import fact
from finops.estate.facts.age import created_at
from finops.estate.model import Json, Known
from finops.estate.queries import DEPLOYMENT, ENDPOINT

# The only aggregation that Azure offers for it is the average; over all status codes together it understates the
# count, but it is above zero whenever one request came, which is what decides.
REQUESTS = Series(ENDPOINT, "RequestsPerMinute", aggregation="average", days=14)
# Monitor keeps 93 days; a month is what a person remembers of an endpoint.
MONTH = 30
REQUESTS_OF_A_MONTH = Series(ENDPOINT, "RequestsPerMinute", aggregation="average", days=MONTH)
# A deployment counts what it is sent as a copy (mirror traffic) like any other request.
DEPLOYMENT_REQUESTS = Series(DEPLOYMENT, "RequestsPerMinute", aggregation="average", days=MONTH)
HOUR = timedelta(hours=1)


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


@fact("daysWithoutRequests", of=ENDPOINT, series=[REQUESTS_OF_A_MONTH], on_request=True)
def days_without_requests(body: Json, evidence: Evidence) -> Known:
    """Whole days since the last hour with a request, or since it was made if there was none; at most 30."""
    return _silence(body, evidence, REQUESTS_OF_A_MONTH)


@fact("daysWithoutRequests", of=DEPLOYMENT, series=[DEPLOYMENT_REQUESTS], on_request=True)
def deployment_days_without_requests(body: Json, evidence: Evidence) -> Known:
    """The same of a deployment, requests that are mirrored to it included."""
    return _silence(body, evidence, DEPLOYMENT_REQUESTS)


def requests_by_day(resource_id: str, series: Series, evidence: Evidence) -> list[tuple[date, float]]:
    """Requests of each day (UTC) that Monitor has points of, oldest first."""
    days: dict[date, float] = {}
    for moment, value in evidence.measured(resource_id, series):
        day = moment.astimezone(UTC).date()
        days[day] = days.get(day, 0) + value * 60
    return sorted(days.items())


def _silence(body: Json, evidence: Evidence, series: Series) -> Known:
    start, end = series.window(evidence.as_of)
    created = created_at(body)
    if created is None:
        raise NotKnown("Azure does not say when it was created")
    busy = [moment for moment, value in evidence.points(body["id"], series, since=created) if value > 0]
    since = busy[-1] + HOUR if busy else max(created, start)
    return Known(max(0, min((end - since).days, series.days)), end)


def _requests(body: Json, evidence: Evidence) -> Points:
    points = evidence.points(body["id"], REQUESTS)
    start, _ = REQUESTS.window(evidence.as_of)
    created = created_at(body)
    # The hour in which the window starts may be the hour in which the endpoint was made.
    if created and created > start + HOUR:
        days = (evidence.as_of - created).days
        raise NotKnown(f"it is {days} days old, younger than the {REQUESTS.days} days measured")
    return points
