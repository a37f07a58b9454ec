"""A compute cluster: jobs queue for its nodes, nodes come, run, idle down, and are evicted when they are spot."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finops.simulator import meters
from finops.simulator.clock import stamp_of
from finops.simulator.draws import between, counted, draw, exponential, key_of
from finops.simulator.life import jobs
from finops.simulator.life.durations import minutes_of
from finops.simulator.life.jobs import Job
from finops.simulator.life.shapes import daily, hour_at
from finops.simulator.sizes import size_of
from finops.simulator.store import Json, inside, whole

if TYPE_CHECKING:
    from finops.simulator.life import Life

NEVER = 1 << 60
PREPARING = (3, 8)  # minutes until a node takes work: AML allocates and prepares in a few minutes
SPOT_HOURS = 40.0  # mean life of a spot node before Azure takes it back
PREEMPTED_SHOWN = 30  # minutes that a preempted node stays in the node list
KEPT_JOBS = 8  # finished jobs that stay readable, a cluster at least
ALL_JOBS = 12_000  # and of all clusters: Azure forgets none, but there are estates of hundreds of clusters


@dataclass(slots=True)
class Node:
    """`until` is when a preparing node is ready, a running one done, a preempted one forgotten."""

    id: str
    state: str
    since: int
    until: int
    evicted: int
    address: str
    job: Job | None = None


class Cluster:
    """One AmlCompute. `live` brings it from one minute to another; everything else happens at one minute."""

    def __init__(self, life: Life, body: Json, now: int) -> None:
        self.life = life
        self.id: str = body["id"]
        self.key = key_of(life.key, self.id.lower())
        self.workspace = self.id.rsplit("/computes/", 1)[0]
        self.nodes: list[Node] = []
        self.queue: deque[Job] = deque()
        self.finished: deque[str] = deque()
        self.made = 0  # nodes ever made; numbers the draws of the next one
        self._planned_day = -1
        self._plan: deque[Job] = deque()
        self.changed = True
        self.resized = now
        self.read(body, now)

    def read(self, body: Json, now: int) -> None:
        """Take in the body, after it was put anew."""
        self.body = body
        properties, inner = inside(body, "properties"), inside(body, "properties", "properties")
        scale = inside(inner, "scaleSettings")
        self.spot = str(inner.get("vmPriority", "")).lower() in ("lowpriority", "spot")
        self.size = size_of(str(inner.get("vmSize") or "Standard_DS3_v2"))
        self.least = whole(scale.get("minNodeCount"), 0)
        self.most = whole(scale.get("maxNodeCount"), 0)
        self.patience = minutes_of(scale.get("nodeIdleTimeBeforeScaleDown"), default=120)
        self.profile: Json = self.life.profiles.get(self.id.lower(), {})
        region = str(properties.get("computeLocation") or body.get("location") or "eastus")
        self.meter = meters.vm(self.size.name, region, self.spot)
        self.line = self.life.line(self.meter, self.id, inside(body, "tags"))
        self.dimensions = json.dumps({"ClusterName": self.id.rsplit("/", 1)[-1]})
        self.measured = not self.profile.get("noMetrics")
        # Creating and updating take seconds, and are not told apart from being there.
        self.gone = str(properties.get("provisioningState", "")).lower() in ("deleting", "failed")
        if self.gone:
            self.close(now)
        self._wait_for_jobs(now)

    def adopt(self, nodes: list[Json], now: int) -> None:
        """Take over the nodes that a recording found, without touching its body until something happens."""
        for node in nodes:
            state = str(node.get("nodeState", "idle")).lower()
            if state not in ("idle", "running", "preparing"):
                continue
            self._add(now)
            made = self.nodes[-1]
            made.id, made.address = (
                str(node.get("nodeId") or made.id),
                str(node.get("privateIpAddress") or made.address),
            )
            if state == "idle":
                self._free(made, now)
            elif state == "running":
                job = self._known(str(node.get("runId") or ""), now)
                made.state, made.job, made.until = "running", job, now + job.minutes
        self.changed = False

    def _known(self, run: str, now: int) -> Job:
        """The job that runs as `run`: one that another node runs already, or one whose end we draw."""
        for job in self.all_jobs():
            if job.id.rsplit("/", 1)[-1] == run:
                return job
        body = {"id": f"{self.workspace}/jobs/{run or jobs.invented_name(self.key, self.made)}", "properties": {}}
        return jobs.submitted(body, self.key, now)

    def state(self) -> Json:
        """What a later day needs to go on exactly from here; see `restore`."""
        running = self.all_jobs()
        place = {id(job): number for number, job in enumerate(running)}
        return {
            "id": self.id,
            "made": self.made,
            "resized": self.resized,
            "finished": list(self.finished),
            "jobs": [
                [job.id, job.minutes, job.nodes, job.asked, job.fails, job.started, job.evictions] for job in running
            ],
            "queue": [place[id(job)] for job in self.queue],
            "nodes": [
                [node.id, node.state, node.since, node.until, node.evicted, node.address, place.get(id(node.job))]
                for node in self.nodes
            ],
        }

    def restore(self, state: Json) -> None:
        known = [Job(*fields) for fields in state["jobs"]]
        self.made, self.resized = state["made"], state["resized"]
        self.finished = deque(state["finished"])
        self.queue = deque(known[place] for place in state["queue"])
        self.nodes = [
            Node(*fields, None if place is None else known[place])  # type: ignore[call-arg]
            for *fields, place in state["nodes"]
        ]
        self.changed = False

    def live(self, start: int, end: int) -> None:
        """Everything that happens from minute `start` until just before minute `end`."""
        if self.gone:
            return
        while True:
            self._happen(start)
            self._scale(start)
            at = min(self._next(start), end)
            self._count(start, at)
            if at >= end:
                break
            start = at
        if self.changed:
            self.show()
            self.changed = False

    def submit(self, job: Job) -> None:
        self.queue.append(job)
        self.changed = True

    def all_jobs(self) -> list[Job]:
        """The jobs that wait or run here, each once."""
        running = {id(node.job): node.job for node in self.nodes if node.job}
        return [*self.queue, *running.values()]

    def cancel(self, job_id: str, now: int) -> None:
        """Stop a job that somebody cancelled; its nodes are free at once."""
        self.queue = deque(job for job in self.queue if job.id.lower() != job_id)
        for node in self.nodes:
            if node.job and node.job.id.lower() == job_id:
                self._free(node, now)
        self.changed = True

    def close(self, now: int) -> None:
        """The cluster was deleted: its jobs fail, its nodes are gone."""
        for job in self.all_jobs():
            self._finish(job, "Failed", now)
        self.nodes, self.queue = [], deque()

    def _happen(self, now: int) -> None:
        """Everything due by minute `now`: arrivals, ends, evictions, idling down."""
        if now // 1440 != self._planned_day:
            self._wait_for_jobs(now)
        while self._plan and self._plan[0].asked <= now:
            job = self._plan.popleft()
            if job.asked >= self.life.jobs_from:
                self.life.write_job(jobs.body_of(job, self.id, self.profile, "Queued"))
            self.submit(job)
        for node in list(self.nodes):
            if node.evicted <= now and node.state != "preempted":
                self._evict(node, now)
            elif node.until <= now:
                self._arrive(node, now)
        spare = len(self._present()) - self.least
        over = len(self._present()) - max(self.most, self.least)
        for node in sorted((node for node in self.nodes if node.state == "idle"), key=lambda node: node.since):
            if spare > 0 and (over > 0 or (not self.queue and node.since + self.patience <= now)):
                self.nodes.remove(node)
                spare, over, self.resized, self.changed = spare - 1, over - 1, now, True

    def _arrive(self, node: Node, now: int) -> None:
        """What the node waited for has come: it is ready, its job is done, or it is forgotten."""
        self.changed = True
        if node.state == "preempted":
            self.nodes.remove(node)
            return
        job = node.job
        if job is not None:
            for other in self.nodes:
                if other.job is job:
                    self._free(other, now)
            self._finish(job, "Failed" if job.fails else "Completed", now)
        else:
            self._free(node, now)

    def _evict(self, node: Node, now: int) -> None:
        job = node.job
        if job is not None:
            job.evictions += 1
            for other in self.nodes:
                if other.job is job:
                    self._free(other, now)
            self.queue.appendleft(job)
            self.life.move_job(job, "Queued", now)
        node.state, node.since, node.until, node.job = "preempted", now, now + PREEMPTED_SHOWN, None
        self.resized, self.changed = now, True

    def _scale(self, now: int) -> None:
        """Give idle nodes to the jobs in front, and ask for the nodes that the others need."""
        while self.queue:
            job = self.queue[0]
            if job.nodes > self.most:
                if self.most == 0:
                    break
                self.queue.popleft()
                self._finish(job, "Failed", now)
                continue
            idle = [node for node in self.nodes if node.state == "idle"]
            if len(idle) < job.nodes:
                break
            self.queue.popleft()
            job.started = now
            for node in idle[: job.nodes]:
                node.state, node.since, node.until, node.job = "running", now, now + job.minutes, job
            self.life.move_job(job, "Running", now)
            self.changed = True
        present = self._present()
        busy = sum(node.state == "running" for node in present)
        wanted = max(self.least, min(self.most, busy + sum(job.nodes for job in self.queue)))
        for _ in range(wanted - len(present)):
            self._add(now)

    def _add(self, now: int) -> None:
        self.made += 1
        digest = f"{key_of(self.key, 'node', self.made):016x}" * 4
        evicted = now + max(5, int(exponential(SPOT_HOURS * 60, self.key, self.made, 2))) if self.spot else NEVER
        ready = now + int(between(*PREPARING, self.key, self.made, 1))
        address = f"10.0.{self.key % 250}.{4 + self.made % 250}"
        name = f"tvmps_{digest}_{'p' if self.spot else 'd'}"
        self.nodes.append(Node(name, "preparing", now, ready, evicted, address))
        self.resized, self.changed = now, True

    def _free(self, node: Node, now: int) -> None:
        node.state, node.since, node.until, node.job = "idle", now, NEVER, None

    def _finish(self, job: Job, status: str, now: int) -> None:
        self.life.move_job(job, status, now)
        # Calls of batch endpoints stay: they are few, and their endpoint is asked when it was last called.
        if job.id in self.life.resources and "/batchendpoints/" not in job.id.lower():
            self.finished.append(job.id)
        while len(self.finished) > max(KEPT_JOBS, ALL_JOBS // max(len(self.life.clusters), 1)):
            self.life.drop_job(self.finished.popleft())

    def _present(self) -> list[Node]:
        return [node for node in self.nodes if node.state != "preempted"]

    def _next(self, now: int) -> int:
        """The first minute after `now` at which something happens by itself."""
        at = (now // 1440 + 1) * 1440
        if self._plan:
            at = min(at, self._plan[0].asked)
        for node in self.nodes:
            at = min(at, node.until, node.evicted if node.state != "preempted" else NEVER)
            if node.state == "idle" and not self.queue and len(self.nodes) > self.least:
                at = min(at, max(now + 1, node.since + self.patience))
        return max(at, now + 1)

    def _count(self, start: int, end: int) -> None:
        """Bill the nodes and remember how many there were."""
        states = [node.state for node in self.nodes]
        preempted = states.count("preempted")
        total, active, idle = len(states) - preempted, states.count("running"), states.count("idle")
        if total:
            self.life.ledger.count(self.line, start, end, total * meters.PARTS)
        if not self.measured or end <= self.life.measured_from:
            return
        start = max(start, self.life.measured_from)
        for name, value in (("Active Nodes", active), ("Idle Nodes", idle), ("Total Nodes", total)):
            self.life.metrics.hold(self.workspace, name, self.dimensions, start, end, value)
        if self.spot:
            self.life.metrics.hold(self.workspace, "Preempted Nodes", self.dimensions, start, end, preempted)
        if active:
            name = "GpuUtilization" if self.size.gpus else "CpuUtilization"
            level = float(self.profile.get("utilization", 70)) * between(0.85, 1.1, self.key, start // 1440, 5)
            self.life.metrics.hold(self.workspace, name, self.dimensions, start, end, round(min(level, 99.5), 2))

    def _wait_for_jobs(self, now: int) -> None:
        """Draw the jobs that the people of this cluster send on the day of `now`, from `now` on."""
        day = now // 1440
        self._planned_day = day
        self._plan = deque()
        each_day = float(self.profile.get("jobsPerDay", 0))
        if not each_day:
            return
        shape = str(self.profile.get("shape", "office"))
        number = counted(each_day * daily(shape, day), self.key, day, 3)
        times = sorted(day * 1440 + int(60 * hour_at(shape, day, draw(self.key, day, 4, n))) for n in range(number))
        made = [jobs.planned(self.id, self.key, day * 1000 + n, asked, self.profile) for n, asked in enumerate(times)]
        self._plan = deque(job for job in made if job.asked >= now)

    def show(self) -> None:
        """Write the state into the cluster's body and its node list, as ARM tells them."""
        inner = inside(self.body, "properties", "properties")
        states = [node.state for node in self.nodes]
        count = len(self._present())
        wanted = max(self.least, count)
        counts = {
            f"{state}NodeCount": states.count(state)
            for state in ("preparing", "running", "idle", "unusable", "leaving", "preempted")
        }
        inner["allocationStateTransitionTime"] = stamp_of(self.resized, self.key)
        inner["currentNodeCount"] = count
        inner["targetNodeCount"] = wanted
        inner["nodeStateCounts"] = counts
        inner["allocationState"] = "Resizing" if counts["preparingNodeCount"] else "Steady"
        inner.setdefault("errors", None)
        self.life.nodes[self.id.lower()] = [
            {
                "nodeId": node.id,
                "port": 50000 + place,
                "publicIpAddress": None,
                "privateIpAddress": node.address,
                "nodeState": node.state,
                "runId": node.job.id.rsplit("/", 1)[-1] if node.job else None,
            }
            for place, node in enumerate(self.nodes)
        ]
