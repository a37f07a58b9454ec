"""An estate with things that are waste, people who approve, and runs of `janitor apply` and `janitor undo` over it."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from datetime import time as clock
from pathlib import Path
from typing import Any

from estates import (
    AS_OF,
    DEV,
    PROD,
    cluster,
    deployment,
    endpoint,
    group,
    group_id,
    instance,
    points,
    storage_account,
    subscription,
    workspace,
    workspace_id,
    write_estate,
)  # fmt: skip
from meanwhile import meanwhile
from registries import write_images

from finops import approvals
from finops.approvals import APPROVER, Person
from finops.cloud import connect
from finops.cloud.retry import Time
from finops.config.model import AzureSettings, ChargesSettings, JanitorSettings, MailSettings, RuleSettings, Settings
from finops.estate.ids import key
from finops.jobs.sweeping.applying import Applied, apply
from finops.jobs.sweeping.looking import Looker
from finops.jobs.sweeping.undoing import Undone, undo
from finops.simulator import Served, serving
from finops.state import Record, State, StoredFinding

Json = dict[str, Any]

HOME = workspace_id("ml-prod")
SILENT = f"{HOME}/onlineEndpoints/silent"
DATA = f"{group_id(PROD, 'rg-ml')}/providers/Microsoft.Storage/storageAccounts/mldata"
READS = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"  # Storage Blob Data Reader
NAMES = ("11111111-aaaa-4aaa-8aaa-000000000001", "11111111-aaaa-4aaa-8aaa-000000000002")
ANN = Person("oid-ann", "Ann", "ann@contoso.com", frozenset({APPROVER}))
BEN = Person("oid-ben", "Ben", "ben@contoso.com", frozenset({APPROVER}))
RULES = (
    "endpoint-without-deployments", "endpoint-without-requests", "cluster-unused", "cluster-idle-nodes",
    "instance-idle", "instance-stopped-long", "batch-endpoint-never-invoked", "deployment-without-requests",
    "environment-version-unused", "schedule-feeds-nothing", "endpoint-failed", "image-untagged", "image-stale",
)  # fmt: skip


def empty_endpoint(name: str = "empty", **tags: str) -> Json:
    """An online endpoint that nothing is deployed to."""
    body = endpoint(HOME, name, **tags)
    body["properties"]["traffic"] = {}
    principal = f"aaaaaaaa-0000-0000-0000-{abs(hash(name)) % 10**12:012d}"
    body["identity"] = {"type": "SystemAssigned", "principalId": principal, "tenantId": PROD}
    return body


def silent_endpoint(name: str = "silent") -> list[Json]:
    """An online endpoint with a deployment that has all its traffic."""
    body = endpoint(HOME, name, team="ocr")
    principal = f"bbbbbbbb-0000-0000-0000-{abs(hash(name)) % 10**12:012d}"
    body["identity"] = {"type": "SystemAssigned", "principalId": principal, "tenantId": PROD}
    made = deployment(body["id"])
    made["properties"]["environmentVariables"] = {"MODE": "fast"}
    return [body, made]


def role(scope: str, name: str, principal: str) -> Json:
    definition = f"/subscriptions/{PROD}/providers/Microsoft.Authorization/roleDefinitions/{READS}"
    return {
        "id": f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "name": name,
        "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal",
            "scope": scope, "condition": None, "description": "reads models",
        },
    }  # fmt: skip


def autoscale(target: str) -> Json:
    name = "scale-silent"
    return {
        "id": f"{group_id(PROD, 'rg-ml')}/providers/Microsoft.Insights/autoscaleSettings/{name}",
        "name": name,
        "type": "Microsoft.Insights/autoscaleSettings",
        "location": "eastus",
        "tags": {"team": "ocr"},
        "properties": {
            "enabled": True, "targetResourceUri": target, "name": name, "notifications": [],
            "profiles": [{"name": "all", "capacity": {"minimum": "1", "maximum": "5", "default": "1"}, "rules": []}],
        },
    }  # fmt: skip


def whole(name: str = "silent") -> list[Json]:
    """An endpoint with everything that one can have."""
    body, blue = silent_endpoint(name)
    green = deployment(body["id"], "green", instances=2)
    green["tags"] = {"run": "7"}
    green["properties"]["description"] = "The next one"
    body["properties"] |= {"traffic": {"blue": 90, "green": 10}, "mirrorTraffic": {"green": 10}, "description": "OCR"}
    principal = body["identity"]["principalId"]
    return [
        body, blue, green, storage_account(PROD, "rg-ml", "mldata"), autoscale(f"{body['id']}/deployments/green"),
        role(DATA, NAMES[0], principal), role(body["id"], NAMES[1], "cccccccc-0000-4000-8000-000000000001"),
    ]  # fmt: skip


def silence(resource_id: str, hours: int = 30 * 24 + 24) -> list[Json]:
    """Monitor's word that nobody called it."""
    return points(resource_id, "RequestsPerMinute", [0.0] * hours)


def bodies(*more: Json) -> list[Json]:
    return [
        {**subscription(PROD, "Production"), "tags": {"Environment": "prod"}},
        {**subscription(DEV, "Development"), "tags": {"Environment": "dev"}},
        group(PROD, "rg-ml", CostCenter="CC-1"),
        group(DEV, "rg-dev"),
        workspace(HOME, CostCenter="CC-1"),
        *more,
    ]


class Applying:
    """A served estate with the janitor's settings and memory; each run connects anew, as a daemon's does."""

    def __init__(self, served: Served, folder: Path, settings: Settings) -> None:
        self.served = served
        self.folder = folder
        self.settings = settings
        self.late = 0.0  # seconds that went by unnoticed, as with an estate that takes long to read

    @property
    def now(self) -> datetime:
        return self.served.world.clock.now()

    def state(self) -> State:
        return State.open(self.folder / "state.db")

    @contextmanager
    def azure(self) -> Iterator[Any]:
        """A connection that does not wait for long."""
        waits = Time(
            lambda: time.monotonic() + self.late, lambda: datetime.now(UTC),
            lambda seconds: time.sleep(min(seconds, 0.01)),
            random.Random(1).random,
        )  # fmt: skip
        with connect(self.settings.azure, acting=True, time=waits, operation_seconds=20) as azure:
            yield azure

    def found(self, *ids: str, rule: str = "") -> list[Record]:
        """What the rules find on these resources, written into the state, and its owners told."""
        with self.azure() as azure, self.state() as state:
            looker = Looker(azure, self.settings, state)
            stand_ins = [_stand_in(one, name) for one in ids for name in ([rule] if rule else RULES)]
            seen, found = looker.look(stand_ins, self.now)  # type: ignore[arg-type]
            approvals.record(state, found, looker.rules, self.now, self.settings, seen.resources, "USD")
            state.keep("janitor/looked-at", dict.fromkeys((one.name for one in looker.rules), 100), self.now)
            records = state.findings.all(limit=None)[0]
            approvals.told(state, records, self.settings.janitor, self.now)
            wanted = {key(one) for one in ids}
            return [state.findings.get(one.number) for one in records if key(one.finding.resource_id) in wanted]

    def approved(self, *ids: str, rule: str = "") -> list[Record]:
        """The same, approved by two people."""
        records = self.found(*ids, rule=rule)
        assert records, "the rules found nothing"
        return self.approve(records)

    def approve(self, records: Iterable[Record]) -> list[Record]:
        records = list(records)
        with self.state() as state:
            desk = approvals.Desk(state, self.settings.janitor)
            for person in (ANN, BEN):
                for record in records:
                    now = state.findings.get(record.number)
                    if now.status == "pending":
                        [answer] = desk.approve([(record.number, now.finding.digest)], person, self.now, "fine")
                        assert answer.ok, answer.said
            return [state.findings.get(record.number) for record in records]

    def apply(self, execute: bool = True, **more: Any) -> Applied:
        with self.azure() as azure, self.state() as state:
            return apply(azure, self.settings, state, self.now, execute, **more)

    def undo(self, number: int, **more: Any) -> Undone:
        with self.azure() as azure, self.state() as state:
            return undo(azure, self.settings, state, number, self.now, "ann@contoso.com", **more)

    def record(self, number: int) -> Record:
        with self.state() as state:
            return state.findings.get(number)

    def live(self, **by: float) -> None:
        self.served.world.clock.advance(**by)
        self.served.app.settle()

    def when(self, is_so: Callable[[Json], bool], then: Callable[[], None]) -> None:
        """Do `then` once, when the simulator is asked something that `is_so`: what others do while we work."""
        meanwhile(self.served, is_so, then)

    def put(self, body: Json) -> None:
        self.served.world.resources.put(body)

    def gone(self, resource_id: str) -> None:
        for child in self.served.world.resources.children(resource_id):
            self.served.world.resources.delete(child["id"])
        self.served.world.resources.delete(resource_id)

    def change(self, resource_id: str, **properties: Any) -> None:
        """What somebody else writes: some properties, or `tags`."""
        body = self.body(resource_id)
        assert body is not None
        tags = properties.pop("tags", None)
        if tags is not None:
            body["tags"] = {**body["tags"], **tags}
        body["properties"] |= properties
        self.put(body)

    def lock(self, scope: str, level: str = "CanNotDelete") -> None:
        lock = f"{scope}/providers/Microsoft.Authorization/locks/mine"
        self.put({"id": lock, "name": "mine", "type": "Microsoft.Authorization/locks", "properties": {"level": level}})

    def body(self, resource_id: str) -> Json | None:
        return copy.deepcopy(self.served.world.resources.get(resource_id))

    def changes(self) -> list[str]:
        """What was asked of the simulator that changes anything, as "METHOD last two parts of the path"."""
        reads = ("listnodes", "/query", "/resources", "getbatch", "forecast", "/token", "/exchange")
        return [
            f"{one['method']} {'/'.join(one['path'].split('/')[-2:])}"
            for one in self.served.requests
            if one["method"] not in {"GET", "HEAD"} and not one["path"].lower().endswith(reads)
        ]


def _stand_in(resource_id: str, rule: str) -> Any:
    class Stand:
        finding = StoredFinding(
            rule, resource_id, "", "", "", "delete", "", {}, "", "low", None, None, (), (), 0, None
        )  # fmt: skip

    return Stand()


@contextmanager
def applying(
    folder: Path,
    *more: Json,
    metrics: Iterable[Json] = (),
    nodes_of: Iterable[Json] | None = None,
    pictures: Iterable[Json] = (),
    **janitor: Any,
) -> Iterator[Applying]:
    """An estate with `more` in it; people work around the clock, and nobody has any grace."""
    quiet_days = janitor.pop("quiet_days", 0)
    rules = {name: RuleSettings(grace_days=0, persist_runs=1) for name in RULES}
    for name in ("endpoint-without-requests", "endpoint-failed"):
        rules[name] = RuleSettings(grace_days=0, persist_runs=1, quiet_days=quiet_days)
    settings = Settings(
        azure=AzureSettings(endpoint="http://127.0.0.1:1", call_deadline_seconds=20),
        charges=ChargesSettings(store=folder / "charges"),
        mail=MailSettings(outbox=folder / "outbox"),
        janitor=JanitorSettings(
            **{
                "mode": "act", "rules": rules, "ownerless_days": 0, "weekend": [], "work_from": clock(0),
                "work_until": clock(23, 59, 59), "kill_switch": folder / "STOP", "tombstones": folder / "tombstones",
                **janitor,
            }
        ),
    )  # fmt: skip
    estate = write_estate(folder / "estate", bodies(*more), nodes_of, metrics)
    if pictures:
        write_images(estate, *pictures)
    with serving(estate, retry_after=0, polls=0) as served:
        azure = settings.azure.model_copy(update={"endpoint": served.url})
        yield Applying(served, folder, settings.model_copy(update={"azure": azure}))


__all__ = ["ANN", "AS_OF", "BEN", "HOME", "Applying", "applying", "cluster", "instance"]
