"""An estate for the guard, by hand: a dev subscription with one dedicated cluster that people use, and what runs it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from azure.mgmt.resource.policy import PolicyClient
from estates import AML, DEV, PROD, TENANT, group, subscription, workspace, workspace_id, write_estate
from wire_clients import AllowHttp, Token

from finops import jobs
from finops.acts import Outcome
from finops.cloud import connect
from finops.config import folder
from finops.config.model import AzureSettings, ChargesSettings, GuardSettings, MailSettings, Settings
from finops.jobs import Guarded, Plan
from finops.jobs.guarding.running import carry_out
from finops.simulator import Served, serving
from finops.simulator.generate import retail
from finops.state import State

Json = dict[str, Any]

DEV_WORKSPACE = workspace_id("ml-dev", DEV, "rg-dev")
PROD_WORKSPACE = workspace_id("ml-prod")
GPU = f"{DEV_WORKSPACE}/computes/gpu"
IDENTITY = (
    f"/subscriptions/{DEV}/resourceGroups/rg-dev/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-ml"
)
SUBNET = f"/subscriptions/{DEV}/resourceGroups/rg-dev/providers/Microsoft.Network/virtualNetworks/v/subnets/ml"
PRINCIPAL = {"principalId": TENANT, "clientId": TENANT}


def dedicated(
    where: str = DEV_WORKSPACE, name: str = "gpu", priority: Any = "Dedicated", low: int = 0, high: int = 4,
    idle: str = "PT2M", tags: Any = None, **inner: Any,
) -> Json:  # fmt: skip
    """A cluster as ARM returns it, with everything that people set on one."""
    return {
        "id": f"{where}/computes/{name}",
        "name": name,
        "type": f"{AML}/computes",
        "location": "eastus",
        "tags": {"CostCenter": "CC-2", "Project": "ocr"} if tags is None else tags,
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: PRINCIPAL}},
        "properties": {
            "computeType": "AmlCompute",
            "computeLocation": "eastus",
            "description": "For OCR",
            "createdOn": "2026-08-01T08:00:00+00:00",
            "modifiedOn": "2026-08-01T08:00:00+00:00",
            "provisioningState": "Succeeded",
            "provisioningErrors": None,
            "disableLocalAuth": True,
            "isAttachedCompute": False,
            "resourceId": None,
            "properties": {
                "vmSize": "STANDARD_NC6S_V3",
                "vmPriority": priority,
                "osType": "Linux",
                "scaleSettings": {"minNodeCount": low, "maxNodeCount": high, "nodeIdleTimeBeforeScaleDown": idle},
                "subnet": {"id": SUBNET},
                "remoteLoginPortPublicAccess": "Disabled",
                "enableNodePublicIp": False,
                "isolatedNetwork": False,
                "virtualMachineImage": None,
                "currentNodeCount": 0,
                "targetNodeCount": 0,
                "allocationState": "Steady",
                "errors": None,
                **inner,
            },
        },
        "systemData": {
            "createdAt": "2026-08-01T08:00:00+00:00",
            "createdBy": "ana@contoso.com",
            "createdByType": "User",
        },
    }


def bodies(*more: Json, dev_tags: Json | None = None) -> list[Json]:
    """Two subscriptions, production and development, with a workspace each, and `more`."""
    development = {**subscription(DEV, "Development"), "tags": dev_tags or {"Environment": "Dev"}}
    production = {**subscription(PROD, "Production"), "tags": {"Environment": "prod"}}
    return [
        production,
        development,
        group(PROD, "rg-ml", CostCenter="CC-1"),
        group(DEV, "rg-dev", CostCenter="CC-2"),
        workspace(PROD_WORKSPACE, CostCenter="CC-1"),
        workspace(DEV_WORKSPACE, CostCenter="CC-2"),
        *more,
    ]


def estate_of(folder: Path, *more: Json, **stamp: Any) -> Path:
    """The folder of an estate with these clusters, and today's prices of their size."""
    write_estate(folder, bodies(*more), **stamp)
    items = retail.items({"standard_nc6s_v3"}, ["eastus", "westeurope"])
    (folder / "prices.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items), "utf-8")
    return folder


class Guarding:
    """A served estate with the guard's settings and memory; each run connects anew, as a daemon's does."""

    def __init__(self, served: Served, folder: Path, guard: GuardSettings, costs: bool) -> None:
        self.served = served
        self.folder = folder
        self.settings = Settings(
            azure=AzureSettings(endpoint=served.url, call_deadline_seconds=20),
            charges=ChargesSettings(store=folder / "charges", sources=[] if costs else [str(folder / "none")]),
            mail=MailSettings(outbox=folder / "outbox", sender="finops@contoso.com"),
            guard=guard,
        )

    @property
    def now(self) -> Any:
        return self.served.world.clock.now()

    def run(self, enforce: bool = True, **guard: Any) -> Guarded:
        with self.state() as state, connect(self._settings(guard).azure, acting=True) as azure:
            return jobs.guard(azure, self._settings(guard), state, self.now, enforce)

    def plan(self, **guard: Any) -> Plan:
        with self.state() as state, connect(self._settings(guard).azure) as azure:
            return jobs.guard_plan(azure, self._settings(guard), self.now, state)

    def state(self) -> State:
        return State.open(self.folder / "state.db")

    def live(self, **by: float) -> None:
        self.served.world.clock.advance(**by)
        self.served.world.settle()

    def when(self, is_so: Callable[[str, Json | None], bool], then: Callable[[], None]) -> None:
        """Do `then` once, at the moment at which a change of the estate `is_so`: what others do while we work."""
        done: list[bool] = []

        def heard(resource_id: str, body: Json | None) -> None:
            if not done and is_so(resource_id, body):
                done.append(True)
                then()

        self.served.world.resources.listen(heard)

    def put(self, body: Json) -> None:
        """What somebody else writes."""
        self.served.world.resources.put(body)

    def body(self, resource_id: str = GPU) -> Json:
        found = self.served.world.resources.get(resource_id)
        assert found is not None, f"{resource_id} is gone"
        return copy.deepcopy(found)

    def priority(self, resource_id: str = GPU) -> str:
        return str(self.body(resource_id)["properties"]["properties"]["vmPriority"])

    def scale(self, resource_id: str = GPU) -> Json:
        return dict(self.body(resource_id)["properties"]["properties"]["scaleSettings"])

    def mails(self) -> list[EmailMessage]:
        return [
            message_from_bytes(path.read_bytes(), policy=default)  # type: ignore[misc]
            for path in sorted((self.folder / "outbox").glob("*.eml"))
        ]

    def changes(self) -> list[str]:
        """What was asked of the simulator that changes anything, as "METHOD last two parts of the path"."""
        reads = ("listnodes", "/query", "/resources", "getbatch", "forecast", "checkpolicyrestrictions")
        return [
            f"{one['method']} {'/'.join(one['path'].split('/')[-2:])}"
            for one in self.served.requests
            if one["method"] != "GET" and not one["path"].lower().endswith(reads)
        ]

    def texts(self, to: str = "") -> str:
        """The plain text of all mails, or of those to one person; lines are joined, as they break anywhere."""
        found = [mail.get_body(["plain"]) for mail in self.mails() if not to or mail["To"] == to]
        return " ".join(" ".join(part.get_content().split()) for part in found if part)

    def deploy(self, name: str, **parameters: Any) -> None:
        """Assign a shipped policy to the dev subscription; in force when this comes back."""
        body = json.loads((folder("policies") / name / "azurepolicy.json").read_text("utf-8"))
        given = {key: {"value": value} for key, value in parameters.items()}
        with PolicyClient(Token(), DEV, base_url=self.served.url, per_call_policies=[AllowHttp()]) as policies:
            made = policies.policy_definitions.create_or_update(name, {"properties": body})
            policies.policy_assignments.create(
                f"/subscriptions/{DEV}", name, {"properties": {"policyDefinitionId": made.id, "parameters": given}}
            )
        self.live(minutes=10)

    @contextmanager
    def during(self, call: str, about: str, then: Callable[[], None], nth: int = 1) -> Iterator[Any]:
        """A connection to Azure; when its method `call` is used for the nth time on what names `about`, others act."""
        with connect(self.settings.azure, acting=True) as azure:
            yield Meanwhile(azure, call, about, then, nth)

    def carry_out(self, plan: Plan, azure: Any, **guard: Any) -> list[Outcome]:
        with self.state() as state:
            return carry_out(plan, azure, self._settings(guard).guard, state, self.now)[0]

    def _settings(self, guard: Json) -> Settings:
        return self.settings.model_copy(update={"guard": self.settings.guard.model_copy(update=guard)})


class Meanwhile:
    """An Azure during one of whose calls somebody else does something."""

    def __init__(self, azure: Any, call: str, about: str, then: Callable[[], None], nth: int) -> None:
        self._azure, self._call, self._about, self._then, self._left = azure, call, about.lower(), then, nth

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._azure, name)
        if name != self._call:
            return found

        def called(*args: Any, **more: Any) -> Any:
            if any(self._about in str(arg).lower() for arg in args):
                self._left -= 1
                if self._left == 0:
                    self._then()
            return found(*args, **more)

        return called


@contextmanager
def guarding(
    folder: Path, *more: Json, faults: list[Json] | None = None, costs: bool = False, **guard: Any
) -> Iterator[Guarding]:
    """A guard in mode enforce that may make clusters anew, over an estate with `more` in it.

    costs: ask Cost Management; most tests need none, and each question takes a while
    """
    settings = GuardSettings(
        **{"mode": "enforce", "recreate": "allow", "max_percent": 100, "kill_switch": folder / "STOP", **guard}
    )
    with serving(estate_of(folder / "estate", *more), faults=faults, retry_after=0, polls=0) as served:
        yield Guarding(served, folder, settings, costs)
