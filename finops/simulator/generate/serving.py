"""Online and batch endpoints: who calls them, and which of them nobody calls."""

from __future__ import annotations

from finops.simulator.clock import stamp_of
from finops.simulator.generate import ml_bodies
from finops.simulator.generate.draft import Draft
from finops.simulator.generate.organisation import Place, tagged
from finops.simulator.store import Json

MODELS = ["score", "ranker", "classifier", "forecast", "embeddings", "anomaly", "segmenter", "extractor", "recommender",
          "intent", "ocr", "churn"]  # fmt: skip
SIZES = ["Standard_DS3_v2", "Standard_DS3_v2", "Standard_DS2_v2", "Standard_F4s_v2", "Standard_DS3_v2",
         "Standard_E4s_v3", "Standard_NC4as_T4_v3"]  # fmt: skip


def endpoints(draft: Draft, places: list[Place], count: int) -> None:
    """`count` online endpoints; production workspaces have three times as many as the others."""
    seats = [place for place in places for _ in range(3 if place.environment == "prod" else 1)]
    for number in range(count):
        place = seats[number % len(seats)]
        model = MODELS[(number // len(seats) * 3 + number) % len(MODELS)]
        name = f"{place.team}-{model}-{place.environment}-{number:02d}"[:32].rstrip("-")
        _endpoint(draft, place, name, f"{place.team}-{model}", number)


def _endpoint(draft: Draft, place: Place, name: str, model: str, number: int) -> None:
    resource_id = f"{place.id}/onlineEndpoints/{name}"
    person = draft.person(place.team, draft.number(0, 3, "maker", resource_id))
    created = draft.some_day(92, 320, "created", resource_id)
    busy = 4.0 * 10 ** (1.6 * draft.chance("calls", resource_id))
    shape = draft.pick(["office", "global", "retail"], "shape", resource_id)
    calls: Json = {"requestsPerMinute": round(busy, 2), "shape": shape}
    deployments = {"blue": 100}
    if number % 6 == 4:
        since = draft.some_day(18, 75, "silent", resource_id)
        calls["silentSince"] = f"{stamp_of(since)[:19]}Z"
        draft.plant("silent-endpoint", resource_id, since)
    elif number % 13 == 7:
        deployments = {}
        draft.plant("endpoint-without-deployments", resource_id, created)
    elif number % 26 == 2:
        calls["noMetrics"] = True
        draft.plant("unknown-metric", resource_id, created, metric="RequestsPerMinute")
    elif number % 26 == 19:
        # Calls came, but for two days nobody can say how many: less than 95 % of a fortnight is covered.
        since = draft.ago(9)
        calls["lostData"] = [f"{stamp_of(minute)[:19]}Z" for minute in (since, draft.ago(7))]
        draft.plant("unknown-metric", resource_id, since, metric="RequestsPerMinute", why="two days are missing")
    elif number % 13 == 11:
        # Looks silent for hours on end, and is not: a keep case.
        calls = {"requestsPerMinute": 0.05, "shape": "night"}
    elif number % 13 == 10:
        created, calls = draft.ago(4), {"requestsPerMinute": 0}  # silent, but only four days old: a keep case
    elif number % 8 == 5:
        deployments = {"blue": 90, "green": 10}
    tags = tagged(draft, place, resource_id, created)
    if number % 24 == 16:
        tags["Keep"] = "until 2027-01-31, quarterly close"
    body = ml_bodies.online_endpoint(place.id, name, place.region, created, person, tags, dict(deployments))
    draft.put(created, person, body)
    size = draft.pick(SIZES, "size", resource_id)
    instances = draft.number(2, 5, "instances", resource_id) if place.environment == "prod" else 1
    for place_in_line, (deployment, share) in enumerate(deployments.items()):
        made = draft.some_day(91, 92, "deployed", resource_id) if created < draft.ago(92) else created
        profile = dict(calls)
        profile["requestsPerMinute"] = round(profile["requestsPerMinute"] * share / 100, 3)
        image = _image(draft, place, model, f"{resource_id}/{deployment}")
        capacity = 1 if place_in_line else instances
        deployed = ml_bodies.deployment(body, deployment, made, person, size, capacity, image, model)
        draft.put(made, person, deployed, profile)


def _image(draft: Draft, place: Place, model: str, what: str) -> str:
    """The reference of an image that a deployment runs; its manifest is made with the other images."""
    digest = "sha256:" + "".join(f"{int(draft.chance('digest', what, part) * 2**32):08x}" for part in range(8))
    repository = f"azureml/{model}-serving"
    draft.images.setdefault(place.registry, []).append({"imageName": repository, "digest": digest})
    return f"{place.registry.rsplit('/', 1)[-1]}.azurecr.io/{repository}@{digest}"


def departed(draft: Draft, place: Place) -> None:
    """A GPU endpoint that its team deleted ten days ago: its charges stop there."""
    person, created = draft.person(place.team, 2), draft.ago(150)
    tags = {"CostCenter": place.team, "Environment": place.environment, "Owner": place.owner}
    endpoint = ml_bodies.online_endpoint(
        place.id, f"{place.team}-legacy-v1", place.region, created, person, tags, {"blue": 100}
    )
    draft.put(created, person, endpoint)
    image = _image(draft, place, f"{place.team}-legacy", endpoint["id"])
    deployed = ml_bodies.deployment(
        endpoint, "blue", created, person, "Standard_NC8as_T4_v3", 1, image, f"{place.team}-legacy"
    )
    draft.put(created, person, deployed, {"requestsPerMinute": 2.5, "shape": "office"})
    draft.remove(draft.ago(10.4), person, endpoint["id"])


def batches(draft: Draft, places: list[Place]) -> None:
    """A batch endpoint in each production workspace, on its scoring cluster."""
    for place in places:
        if place.environment == "prod":
            name, created = f"{place.team}-batch-{place.environment}", draft.ago(130)
            resource_id = f"{place.id}/batchEndpoints/{name}"
            tags = tagged(draft, place, resource_id, created)
            body = ml_bodies.batch_endpoint(place.id, name, place.region, created, place.owner, tags)
            draft.put(created, place.owner, body)
            cluster = f"{place.id}/computes/cpu-scoring"
            draft.put(
                created,
                place.owner,
                ml_bodies.batch_deployment(body, created, place.owner, cluster, f"{place.team}-batch"),
            )
