"""Jobs: what a cluster is asked to run, and their ARM bodies."""

from __future__ import annotations

from dataclasses import dataclass

from finops.simulator.clock import stamp_of
from finops.simulator.draws import between, draw, exponential, key_of
from finops.simulator.store import Json, inside, whole

JOBS = "Microsoft.MachineLearningServices/workspaces/jobs"
WAITING = frozenset(["notstarted", "queued", "provisioning", "preparing", "starting"])
CANCELLED = frozenset(["cancelrequested", "canceled"])

# Names as AML invents them: adjective, noun, ten characters.
_ADJECTIVES = ("amiable", "bold", "calm", "clever", "dreamy", "eager", "gentle", "helpful", "jolly", "keen", "lucid",
               "mango", "modest", "olive", "patient", "plum", "quiet", "red", "sharp", "tidy")  # fmt: skip
_NOUNS = ("airport", "arm", "beach", "boat", "brain", "cloud", "dream", "evening", "fig", "foot", "garden", "head",
          "key", "lamp", "leaf", "napkin", "onion", "pear", "root", "sugar")  # fmt: skip
_LETTERS = "0123456789bcdfghjklmnpqrstvwxyz"

DEFAULT_MINUTES = 45.0


@dataclass(slots=True)
class Job:
    """One run: how long it needs its nodes, and whether it will fail at the end."""

    id: str
    minutes: int
    nodes: int
    asked: int
    fails: bool
    started: int = 0
    evictions: int = 0


def invented_name(key: int, number: int) -> str:
    left = int(draw(key, number, 20) * 2**53)
    left, adjective = divmod(left, len(_ADJECTIVES))
    left, noun = divmod(left, len(_NOUNS))
    left = left * 2**20 + int(draw(key, number, 21) * 2**20)
    letters = ""
    for _ in range(10):
        left, letter = divmod(left, len(_LETTERS))
        letters += _LETTERS[letter]
    return f"{_ADJECTIVES[adjective]}_{_NOUNS[noun]}_{letters}"


def planned(cluster_id: str, key: int, number: int, asked: int, profile: Json) -> Job:
    """The `number`-th job that the people of `profile` send to the cluster."""
    workspace = cluster_id.rsplit("/computes/", 1)[0]
    mean = float(profile.get("minutes", DEFAULT_MINUTES))
    return Job(
        id=f"{workspace}/jobs/{invented_name(key, number)}",
        minutes=max(3, int(between(0.4, 1.0, key, number, 30) * mean + exponential(mean * 0.3, key, number, 31))),
        nodes=int(profile.get("nodes", 1)),
        asked=asked,
        fails=draw(key, number, 32) < float(profile.get("failures", 0.05)),
    )


def submitted(body: Json, key: int, asked: int) -> Job:
    """A job that somebody put through the API; how long it takes is drawn from its name."""
    number = key_of(body["id"].lower()) % 2**31
    minutes = max(3, int(exponential(DEFAULT_MINUTES, key, number, 33)))
    nodes = whole(inside(body, "properties", "resources").get("instanceCount"), 1) or 1
    return Job(body["id"], minutes, nodes, asked, fails=False)


def body_of(job: Job, compute_id: str, profile: Json, status: str) -> Json:
    """A command job as ARM returns it."""
    name = job.id.rsplit("/", 1)[-1]
    key = key_of(name)
    who = profile.get("people") or ["ml-pipeline"]
    person = who[int(draw(key, 1) * len(who))]
    region = str(profile.get("region", "eastus"))
    inner = "/".join(job.id.split("/")[1:-2])
    body = {
        "id": job.id,
        "name": name,
        "type": JOBS,
        "properties": {
            "description": None,
            "tags": dict(profile.get("jobTags") or {}),
            "properties": {
                "mlflow.source.git.branch": "main",
                "_azureml.ComputeTargetType": "amlctrain",
                "_azureml.ClusterName": compute_id.rsplit("/", 1)[-1],
                "ContentSnapshotId": f"{key:016x}",
            },
            "displayName": name,
            "status": status,
            "experimentName": profile.get("experiment", "Default"),
            "services": {
                "Tracking": _service("Tracking", f"azureml://{region}.api.azureml.ms/mlflow/v1.0/{inner}?"),
                "Studio": _service("Studio", f"https://ml.azure.com/runs/{name}?wsid=/{inner}"),
            },
            "computeId": compute_id,
            "isArchived": False,
            "identity": None,
            "componentId": None,
            "notificationSetting": None,
            "jobType": "Command",
            "resources": {
                "instanceCount": job.nodes,
                "instanceType": None,
                "properties": {},
                "shmSize": "2g",
                "dockerArgs": None,
            },
            "queueSettings": {"jobTier": None},
            "codeId": None,
            "command": profile.get("command", "python train.py --epochs 20"),
            "environmentId": profile.get(
                "environment", "azureml://registries/azureml/environments/sklearn-1.5/versions/9"
            ),
            "inputs": {},
            "outputs": {
                "default": {
                    "description": None,
                    "uri": f"azureml://datastores/workspaceartifactstore/ExperimentRun/dcid.{name}",
                    "assetName": None,
                    "assetVersion": None,
                    "mode": "ReadWriteMount",
                    "jobOutputType": "uri_folder",
                }
            },
            "distribution": {"distributionType": "PyTorch", "processCountPerInstance": 1} if job.nodes > 1 else None,
            "limits": {"jobLimitsType": "Command", "timeout": None},
            "environmentVariables": {},
            "parameters": {},
        },
        "systemData": {"createdAt": stamp_of(job.asked, key), "createdBy": person, "createdByType": "User"},
    }
    return _as_step(body, compute_id) if profile.get("pipelines") else body


def _as_step(body: Json, compute_id: str) -> Json:
    """A pipeline whose one step is the job: only the step names the compute."""
    of_step = ("resources", "queueSettings", "codeId", "command", "environmentId", "distribution", "limits",
               "environmentVariables", "parameters")  # fmt: skip
    properties = body["properties"]
    step = {name: properties.pop(name) for name in of_step} | {"type": "command", "computeId": compute_id}
    settings = {"default_compute": None, "continue_on_step_failure": False}
    properties |= {"jobType": "Pipeline", "computeId": None, "settings": settings, "jobs": {"train": step}}
    return body


def move_on(body: Json, job: Job, status: str, now: int) -> None:
    """Write what happened at minute `now` into the job's body."""
    properties = inside(body, "properties")
    properties["status"] = status
    details = properties["properties"] = inside(properties, "properties")
    if status == "Running":
        details["StartTimeUtc"] = f"{stamp_of(now)[:19].replace('T', ' ')}"
    elif status in ("Completed", "Failed", "Canceled"):
        details["EndTimeUtc"] = f"{stamp_of(now)[:19].replace('T', ' ')}"
    if job.evictions:
        details["_azureml.Preemptions"] = str(job.evictions)


def _service(kind: str, endpoint: str) -> Json:
    return {
        "jobServiceType": kind,
        "port": None,
        "endpoint": endpoint,
        "status": None,
        "errorMessage": None,
        "properties": None,
        "nodes": None,
    }
