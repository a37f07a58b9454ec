"""What an estate does by itself: time passes over every cluster, instance, endpoint and account in it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from finops.simulator import focus, meters
from finops.simulator.clock import minutes
from finops.simulator.draws import key_of
from finops.simulator.ledger import Ledger
from finops.simulator.life import endpoints, jobs, standing
from finops.simulator.life.clusters import Cluster
from finops.simulator.life.instances import Instance
from finops.simulator.life.jobs import Job
from finops.simulator.metrics import Metrics
from finops.simulator.store import Json, Store, inside, type_of

COMPUTES = "microsoft.machinelearningservices/workspaces/computes"
ENDPOINTS = "microsoft.machinelearningservices/workspaces/onlineendpoints"
DEPLOYMENTS = ENDPOINTS + "/deployments"
JOBS = "microsoft.machinelearningservices/workspaces/jobs"
BATCH_JOBS = "microsoft.machinelearningservices/workspaces/batchendpoints/jobs"
DAY = 1440


class Life:
    """Every living thing of one estate. It hears of each change in the store and acts on it from that minute on."""

    def __init__(
        self, key: int, resources: Store, nodes: dict[str, list[Json]], ledger: Ledger, metrics: Metrics, now: int
    ) -> None:
        self.key = key
        self.resources = resources
        self.nodes = nodes
        self.ledger = ledger
        self.metrics = metrics
        self.now = now
        self.measured_from = 0  # minutes: metrics before are not kept
        self.jobs_from = 0  # minutes: jobs asked for before have no body
        self.account: Json = {}
        self.profiles: dict[str, Json] = {}
        self.metered: set[str] = set()  # storage accounts whose blobs are billed one by one (simulator.storage)
        self.commitments: list[Json] = []
        self.purchases: list[Json] = []
        self.clusters: dict[str, Cluster] = {}
        self.instances: dict[str, Instance] = {}
        self.calls: list[endpoints.Calls] = []
        self._calls_changed = True
        self._writing = False
        self._rates: list[tuple[int, int]] = []

    def begin(self) -> None:
        """Wake everything that is in the store, and listen from now on."""
        for body in self.resources.all():
            self._hear(body["id"].lower(), body)
        self.resources.listen(self._hear)

    def settle(self, now: int) -> None:
        """Live until minute `now`, a day at a time."""
        while self.now < now:
            until = min(now, (self.now // DAY + 1) * DAY)
            for _, cluster in sorted(self.clusters.items()):
                cluster.live(self.now, until)
            for _, instance in sorted(self.instances.items()):
                instance.live(self.now, until)
            self._stand(self.now, until)
            self._call(self.now, until)
            self._buy(self.now, until)
            self.now = self.metrics.until = until
            self.ledger.close(until)

    def line(
        self,
        meter: meters.Meter,
        resource_id: str,
        tags: dict[str, str] | None,
        commitment: meters.Commitment | None = None,
        **different: Any,
    ) -> int:
        """The ledger's line of one resource on one meter under these tags."""
        status = f"{commitment.id}#{commitment.status}#{commitment.price}" if commitment else ""
        key = f"{resource_id.lower()}#{meter.id}#{meter.price}#{status}#{different.get('ChargeDescription', '')}"
        text = focus.tags_text(tags)
        found = self.ledger.find(key, text)
        if found is not None:
            return found
        number = key_of(key, text)
        made = meters.line(self.account, self.resources, meter, resource_id, tags, commitment, number, **different)
        return self.ledger.line(key, text, made)

    def moment(self, text: str) -> datetime:
        return datetime.fromisoformat(text).astimezone(UTC)

    def write_job(self, body: Json) -> None:
        self._writing = True
        self.resources.put(body)
        self._writing = False

    def move_job(self, job: Job, status: str, now: int) -> None:
        body = self.resources.get(job.id)
        if body is not None and str(inside(body, "properties").get("status", "")).lower() not in jobs.CANCELLED:
            jobs.move_on(body, job, status, now)

    def drop_job(self, job_id: str) -> None:
        self._writing = True
        self.resources.delete(job_id)
        self._writing = False

    def profile(self, resource_id: str, changed: Json | None) -> None:
        """From now on people use a resource in another way; None: as if nobody ever had."""
        key = resource_id.lower()
        if changed is None:
            self.profiles.pop(key, None)
        else:
            self.profiles[key] = {"id": resource_id, **changed}
        self._calls_changed = True
        body = self.resources.get(resource_id)
        if body is not None and key in self.clusters:
            self.clusters[key].read(body, self.now)
        if body is not None and key in self.instances:
            self.instances[key].read(body)

    def _hear(self, key: str, body: Json | None) -> None:
        """Something was put or deleted."""
        kind = type_of(key)
        if kind == COMPUTES:
            self._hear_compute(key, body)
        elif kind in (JOBS, BATCH_JOBS) and not self._writing:
            self._hear_job(body)
        elif kind in (DEPLOYMENTS, ENDPOINTS):
            self._calls_changed = True

    def _hear_compute(self, key: str, body: Json | None) -> None:
        kind = str(inside(body, "properties").get("computeType", "")).lower()
        if kind == "amlcompute" and body is not None:
            if key in self.clusters:
                self.clusters[key].read(body, self.now)
                self.clusters[key].show()  # what was put may say how many nodes there were when it was read
            else:
                self.clusters[key] = Cluster(self, body, self.now)
        elif key in self.clusters:
            self.clusters.pop(key).close(self.now)
            self.nodes.pop(key, None)
        if kind == "computeinstance" and body is not None:
            if key in self.instances:
                self.instances[key].read(body)
            else:
                self.instances[key] = Instance(self, body)
        else:
            self.instances.pop(key, None)

    def _hear_job(self, body: Json | None) -> None:
        """A job was put through the API: queue it, or stop it."""
        if body is None:
            return
        told = inside(body, "properties").get("computeId") or inside(body, "properties", "compute").get("target")
        cluster = self.clusters.get(str(told or "").lower())
        status = str(inside(body, "properties").get("status", "")).lower()
        if cluster is None:
            return
        known = any(job.id.lower() == body["id"].lower() for job in cluster.all_jobs())
        if status in jobs.WAITING and not known:
            cluster.submit(jobs.submitted(body, key_of(self.key, body["id"].lower()), self.now))
        elif status in jobs.CANCELLED:
            body["properties"]["status"] = "Canceled"
            cluster.cancel(body["id"].lower(), self.now)

    def _stand(self, start: int, end: int) -> None:
        for kind in sorted(standing.BILLED):
            for body in self.resources.of_type(kind):
                for line, rate in standing.usage(self, body, start // DAY):
                    self.ledger.count(line, start, end, rate)

    def _call(self, start: int, end: int) -> None:
        if self._calls_changed:
            read = (endpoints.read(self, body) for body in self.resources.of_type(DEPLOYMENTS))
            deployments = [deployment for deployment in read if deployment]
            self._rates = list(endpoints.usage(self, deployments))
            self.calls = list(endpoints.calls(self, deployments))
            self._calls_changed = False
        for line, rate in self._rates:
            self.ledger.count(line, start, end, rate)
        start = max(start, self.measured_from)
        for made in self.calls:
            endpoints.call(self, made, start, end)

    def _buy(self, start: int, end: int) -> None:
        """Purchases, refunds and subscriptions of others' products, at the minute they are billed."""
        for purchase in self.purchases:
            at = minutes(self.moment(purchase["at"]))
            if start <= at < end:
                meter = meters.Meter(**{**purchase["meter"], "price": Decimal(purchase["meter"]["price"])})
                prices = {name: Decimal(price) for name, price in purchase["prices"].items()}
                line = self.line(meter, purchase["id"], purchase.get("tags"), **{**purchase["columns"], **prices})
                self.ledger.post(line, at, int(purchase["count"]))
