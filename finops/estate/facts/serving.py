"""Which deployments of an endpoint may answer calls."""

from __future__ import annotations

from finops.estate.evidence import Evidence
from finops.estate.facts import fact
from finops.estate.facts.requests import REQUESTS_OF_A_MONTH
from finops.estate.facts.traffic import share_of
from finops.estate.ids import key
from finops.estate.model import Json, text
from finops.estate.queries import DEPLOYMENT, DEPLOYMENTS, ENDPOINT, METRICS


@fact("servingDeployments", of=ENDPOINT, series=[REQUESTS_OF_A_MONTH], on_request=True)
def serving_deployments(body: Json, evidence: Evidence) -> int:
    """Deployments that may answer: not failed, or sent a share of the requests; all of them where one request came.

    A deployment whose change failed may still answer with what it was before.
    """
    name = key(body["id"])
    evidence.expect(DEPLOYMENTS, name)
    found = evidence.below(name, DEPLOYMENT)
    if not found:
        return 0
    if not evidence.lines(name, REQUESTS_OF_A_MONTH):
        raise evidence.missing(METRICS, name)
    if any(value > 0 for _, value in evidence.measured(name, REQUESTS_OF_A_MONTH)):
        return len(found)
    return sum(_may_answer(one, evidence) for one in found)


def _may_answer(body: Json, evidence: Evidence) -> bool:
    failed = text(body, "properties.provisioningState").lower() == "failed"
    return not failed or bool(share_of(body, evidence, "traffic") or share_of(body, evidence, "mirrorTraffic"))
