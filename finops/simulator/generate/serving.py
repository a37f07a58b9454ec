"""Online and batch endpoints: who calls them, and which of them nobody calls."""

from __future__ import annotations

from finops.simulator.clock import stamp_of
from finops.simulator.generate import assets, images, ml_bodies
from finops.simulator.generate.bodies import guid
from finops.simulator.generate.draft import Draft
from finops.simulator.generate.organisation import Place, tagged
from finops.simulator.store import Json

SILENT = "endpoint-without-requests"
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
        end = f"-{number:02d}"  # what makes the name the only one of its kind; AML takes 32 characters
        name = f"{place.team}-{model}-{place.environment}"[: 32 - len(end)].rstrip("-") + end
        _endpoint(draft, place, name, f"{place.team}-{model}", number)


def _endpoint(draft: Draft, place: Place, name: str, model: str, number: int) -> None:
    resource_id = f"{place.id}/onlineEndpoints/{name}"
    person = draft.person(place.team, draft.number(0, 3, "maker", resource_id))
    created = draft.some_day(92, 320, "created", resource_id)
    busy = 4.0 * 10 ** (1.6 * draft.chance("calls", resource_id))
    shape = draft.pick(["office", "global", "retail"], "shape", resource_id)
    calls: Json = {"requestsPerMinute": round(busy, 2), "shape": shape}
    deployments = {"blue": 100}
    tags = tagged(draft, place, resource_id, created)
    if number % 6 == 4:
        since = draft.some_day(18, 75, "silent", resource_id)
        calls["silentSince"] = f"{stamp_of(since)[:19]}Z"
        if number % 24 == 16:
            tags["Keep"] = "until 2027-01-31, quarterly close"
            draft.keep(SILENT, resource_id, "a Keep tag")
        else:
            draft.waste(SILENT, resource_id, since, place.locked)
    elif number % 13 == 7:
        deployments = {}
        draft.waste("endpoint-without-deployments", resource_id, created, place.locked)
    elif number % 26 == 2:
        calls["noMetrics"] = True
        draft.plant("unknown-metric", resource_id, created, metric="RequestsPerMinute")
        draft.keep(SILENT, resource_id, "Monitor has no data", unknown=True)
    elif number % 26 == 19:
        # Calls came, but for two days nobody can say how many: less than 95 % of a month is covered.
        since = draft.ago(9)
        calls["lostData"] = [f"{stamp_of(minute)[:19]}Z" for minute in (since, draft.ago(7))]
        draft.plant("unknown-metric", resource_id, since, metric="RequestsPerMinute", why="two days are missing")
        draft.keep(SILENT, resource_id, "two days are missing", unknown=True)
    elif number % 13 == 11:
        # Looks silent for hours on end, and is not.
        calls = {"requestsPerMinute": 0.05, "shape": "night"}
        draft.keep(SILENT, resource_id, "called at night only")
    elif number % 13 == 10:
        created, calls = draft.ago(4), {"requestsPerMinute": 0}
        draft.keep(SILENT, resource_id, "four days old")
    elif number % 8 == 5:
        deployments = {"blue": 90, "green": 10}
    body = ml_bodies.online_endpoint(place.id, name, place.region, created, person, tags, dict(deployments))
    draft.put(created, person, body)
    size = draft.pick(SIZES, "size", resource_id)
    instances = draft.number(2, 5, "instances", resource_id) if place.environment == "prod" else 1
    for place_in_line, (deployment, share) in enumerate(deployments.items()):
        made = draft.some_day(91, 92, "deployed", resource_id) if created < draft.ago(92) else created
        profile = dict(calls)
        profile["requestsPerMinute"] = round(profile["requestsPerMinute"] * share / 100, 3)
        image = image_of(draft, place, model, f"{resource_id}/{deployment}")
        capacity = 1 if place_in_line else instances
        environment = assets.serving(draft, place, f"{resource_id}/{deployment}")
        deployed = ml_bodies.deployment(body, deployment, made, person, size, capacity, image, model, environment)
        draft.put(made, person, deployed, profile)


def image_of(draft: Draft, place: Place, model: str, what: str) -> str:
    """The reference of an image that a deployment runs; its manifest is made with the other images."""
    return images.used(draft, place.registry, f"azureml/{model}-serving", what)


def departed(draft: Draft, place: Place) -> None:
    """A GPU endpoint that its team deleted ten days ago: its charges stop there."""
    person, created = draft.person(place.team, 2), draft.ago(150)
    tags = {"CostCenter": place.team, "Environment": place.environment, "Owner": place.owner}
    endpoint = ml_bodies.online_endpoint(
        place.id, f"{place.team}-legacy-v1", place.region, created, person, tags, {"blue": 100}
    )
    draft.put(created, person, endpoint)
    image = image_of(draft, place, f"{place.team}-legacy", endpoint["id"])
    deployed = ml_bodies.deployment(
        endpoint, "blue", created, person, "Standard_NC8as_T4_v3", 1, image, f"{place.team}-legacy",
        f"{place.team}-legacy-serving/3",
    )  # fmt: skip
    draft.put(created, person, deployed, {"requestsPerMinute": 2.5, "shape": "office"})
    draft.remove(draft.ago(10.4), person, endpoint["id"])


def batches(draft: Draft, places: list[Place]) -> None:
    """A batch endpoint in each production workspace, on its scoring cluster, called every week."""
    for place in places:
        if place.environment == "prod":
            name, created = f"{place.team}-batch-{place.environment}", draft.ago(130)
            tags = tagged(draft, place, f"{place.id}/batchEndpoints/{name}", created)
            body = batch(draft, place, name, created, tags, f"{place.id}/computes/cpu-scoring", [16.4, 9.4, 2.4])
            draft.keep("batch-endpoint-never-invoked", body["id"], "called every week")


def batch(
    draft: Draft, place: Place, name: str, created: int, tags: dict[str, str], cluster: str, called: list[float]
) -> Json:
    """A batch endpoint with its deployment; `called` is how many days ago each call came."""
    body = ml_bodies.batch_endpoint(place.id, name, place.region, created, place.owner, tags)
    draft.put(created, place.owner, body)
    model, environment = f"{place.team}-batch", assets.scoring(place)
    draft.put(
        created,
        place.owner,
        ml_bodies.batch_deployment(body, created, place.owner, cluster, model, environment),
    )
    for number, days in enumerate(called, 1):
        at = draft.ago(days)
        job = ml_bodies.batch_job(body, f"batchjob-{guid('batch job', body['id'], number)}", at, place.owner, cluster)
        draft.put(at, "", job)
    return body
