"""Who reads is one identity, who changes is another; the simulator tells their tokens apart."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from applying import Applying
from fake_azure import FakeAzure, connected, ok
from guarding import GPU, dedicated, guarding
from test_applying_role import REGISTRIES, all_of_it, deleted
from tier_applying import tiering

from finops.cloud import connect
from finops.config.azure import ExecutorSettings
from finops.config.model import AzureSettings
from finops.errors import AzureError
from finops.simulator.rbac import application_of, rbac_of

READER, EXECUTOR = "reads-app", "changes-app"
TWO = {"client_id": READER, "executor": ExecutorSettings(client_id=EXECUTOR)}
ANYBODY: dict[str, Any] = {"Name": "Anything", "Actions": ["*"], "DataActions": ["*"]}
PRINCIPALS = {
    "roles": [ANYBODY],
    "principals": {
        app: {"name": app, "assignments": [{"role": "Anything", "scope": "/"}], "graph": ["User.Read.All"]}
        for app in (READER, EXECUTOR)
    },
}


def two(served: Any, azure: AzureSettings) -> AzureSettings:
    served.app.rbac = rbac_of(PRINCIPALS)
    served.requests.clear()
    return azure.model_copy(update=TWO)


def apart(requests: list[dict[str, Any]]) -> tuple[set[str], set[str]]:
    """Who sent what reads, and who sent what changes."""
    reads, changes = set(), set()
    for one in requests:
        path = one["path"].lower()
        if path.startswith(("/api/retail", "/registry/")):  # prices know nobody, registries tokens of their own
            continue
        looks = one["method"] in {"GET", "HEAD"} or path.endswith(
            ("/resources", "getbatch", "listnodes", "/query", "/$batch", "checkpolicyrestrictions")
        )
        progress = "operation" in path
        if not progress:
            (reads if looks else changes).add(one["principal"] or "")
    return reads, changes


def test_the_guard_reads_as_the_reader_and_changes_as_the_executor(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        guard.settings = guard.settings.model_copy(update={"azure": two(guard.served, guard.settings.azure)})

        guard.run()
        guard.live(days=8)
        guard.run()

        assert guard.priority(GPU) == "LowPriority"
        assert apart(guard.served.requests) == ({READER}, {EXECUTOR})


def as_two(janitor: Applying) -> None:
    janitor.settings = janitor.settings.model_copy(update={"azure": two(janitor.served, janitor.settings.azure)})


def test_the_janitor_reads_as_the_reader_and_deletes_as_the_executor(tmp_path: Path):
    with all_of_it(tmp_path) as janitor:
        as_two(janitor)

        numbers = deleted(janitor)

        assert len(numbers) == 5
        assert apart(janitor.served.requests) == ({READER}, {EXECUTOR})
        janitor.served.requests.clear()
        assert all(janitor.undo(number).equal for number in numbers)
        assert apart(janitor.served.requests) == ({READER}, {EXECUTOR})


def test_images_are_deleted_with_the_executors_rights_and_read_with_the_readers(tmp_path: Path):
    with all_of_it(tmp_path) as janitor:
        as_two(janitor)
        roles = [ANYBODY, {**ANYBODY, "Name": "No reading", "NotActions": [f"{REGISTRIES}/*/read"]},
                 {**ANYBODY, "Name": "No deleting", "NotActions": [f"{REGISTRIES}/artifacts/delete"]}]  # fmt: skip
        holds = {READER: "No deleting", EXECUTOR: "No reading"}
        who = {
            app: {**body, "assignments": [{"role": holds[app], "scope": "/"}]}
            for app, body in PRINCIPALS["principals"].items()
        }
        janitor.served.app.rbac = rbac_of({"roles": roles, "principals": who})

        assert len(deleted(janitor)) == 5

        janitor.served.app.rbac = rbac_of({"roles": roles, "principals": {READER: who[EXECUTOR]}})
        with janitor.azure() as azure, pytest.raises(AzureError):
            list(azure.registry("crprod.azurecr.io").repositories())


def test_tiering_reads_as_the_reader_and_writes_as_the_executor(tmp_path: Path):
    with tiering(tmp_path) as account:
        account.settings = account.settings.model_copy(update={"azure": two(account.served, account.settings.azure)})

        account.apply()
        account.undo()

        assert apart(account.served.requests) == ({READER}, {EXECUTOR})


def test_the_progress_of_a_change_is_asked_for_as_whoever_began_it(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        guard.settings = guard.settings.model_copy(update={"azure": two(guard.served, guard.settings.azure)})
        guard.run()
        guard.live(days=8)
        guard.run()

        polls = [one for one in guard.served.requests if "operation" in one["path"].lower()]
        assert {one["principal"] for one in polls} == {EXECUTOR}


def test_a_connection_for_reading_changes_nothing_where_another_identity_is_for_that():
    with FakeAzure() as fake:
        settings = AzureSettings(endpoint=fake.url, **TWO)
        with connect(settings) as azure:
            for change in (azure.put, azure.patch, azure.post):
                with pytest.raises(AzureError, match="only reads"):
                    change("/subscriptions/s/x", "1", {})
            with pytest.raises(AzureError, match="only reads"):
                azure.delete("/subscriptions/s/x", "1")

        assert fake.count() == 0


def test_with_one_identity_all_goes_out_as_it():
    with FakeAzure() as fake:
        fake.on("GET", "/x", ok({}))
        fake.on("PUT", "/x", ok({}))
        for settings in (
            AzureSettings(endpoint=fake.url, client_id="one"),
            AzureSettings(endpoint=fake.url, client_id="one", executor=ExecutorSettings(client_id="one")),
        ):
            with connect(settings) as azure:
                azure.get("/x", "1")
                azure.put("/x", "1", {})

        tokens = [asked.headers["authorization"].partition(" ")[2] for asked in fake.asked]
        assert [application_of(token) for token in tokens] == ["one"] * 4


def test_without_any_client_id_a_token_says_nobody():
    with FakeAzure() as fake:
        fake.on("GET", "/x", ok({}))
        with connected(fake) as azure:
            azure.get("/x", "1")

        body = fake.asked[0].headers["authorization"].split(".")[1]
        assert "appid" not in json.loads(base64.urlsafe_b64decode(body + "=="))


@pytest.mark.parametrize(
    ("own", "kind"),
    [
        ({"identity": "managed", "client_id": "e"}, "ManagedIdentityCredential"),
        ({"identity": "cli"}, "AzureCliCredential"),
    ],
)
def test_the_executor_is_the_configured_identity(own: dict[str, str], kind: str):
    settings = AzureSettings(identity="managed", client_id="r", executor=ExecutorSettings.model_validate(own))

    with connect(settings, acting=True) as azure:
        assert type(azure.acting_tokens.source).__name__ == kind
        assert azure.acting_tokens is not azure.tokens


def test_an_executor_with_only_a_client_id_is_of_the_readers_kind_and_tenant():
    own = AzureSettings(identity="workload", client_id="r", tenant_id="t", executor=ExecutorSettings(client_id="e"))

    assert (own.acting().identity, own.acting().client_id, own.acting().tenant_id) == ("workload", "e", "t")


def test_an_executors_tenant_alone_is_no_identity():
    with pytest.raises(ValueError, match="names no identity"):
        AzureSettings(executor=ExecutorSettings(tenant_id="t"))
