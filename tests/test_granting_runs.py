"""Each feature runs with exactly the roles that are printed for it, two identities, and not with one action less."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from applying import HOME, cluster, instance
from click.testing import CliRunner
from estates import DEV, PROD, deployment, endpoint, group_id, small_bodies, storage_account, write_estate
from guarding import GPU, dedicated, guarding
from policy_folders import run, write_initiative, write_policy
from test_applying_role import all_of_it, deleted
from test_tier_apply_role import asked
from test_two_identities import TWO
from test_undo_in_place import schedule, version
from tier_applying import tiering

from finops.cli import cli
from finops.cli.policy_azure import deploy
from finops.cloud import connect
from finops.cloud.vault import secret
from finops.config.model import AzureSettings
from finops.errors import AzureError
from finops.jobs.granting import NEEDS, features, roles
from finops.jobs.granting.features import ACTIONS, FEATURES
from finops.jobs.sweeping.acting import change_of
from finops.simulator import serving
from finops.simulator.rbac import action_of, rbac_of

APPS = {"reader": "reads-app", "executor": "changes-app"}
EVERYWHERE = {"reader": (f"/subscriptions/{PROD}",), "executor": (f"/subscriptions/{PROD}",)}
JANITOR = [one.name for one in FEATURES if one.name.startswith("janitor")]


def printed(names: Sequence[str], lacking: str = "") -> Any:
    """Who may do what with the roles that are printed for these features, without the action `lacking`."""
    held = []
    for role in roles(features(names), EVERYWHERE):  # type: ignore[arg-type]
        body = role.definition
        body["Actions"] = [one for one in body["Actions"] if f"{role.who} {one}" != lacking]
        body["DataActions"] = [one for one in body["DataActions"] if f"{role.who} {one}" != lacking]
        if body["Actions"] or body["DataActions"]:
            held.append((role.who, body))
    who = {
        app: {
            "name": app,
            "assignments": [{"role": body["Name"], "scope": "/"} for its, body in held if its == kind],
            "graph": ["User.Read.All"],
        }
        for kind, app in APPS.items()
    }
    return rbac_of({"roles": [body for _, body in held], "principals": who})


def needed(*names: str) -> list[str]:
    """Each action of these features by itself, but those that Azure asks for without a request of ours."""
    return sorted({f"{need.who} {need.action}" for need in NEEDS if need.feature in names and not need.asked_by_azure})


# -- the guard ------------------------------------------------------------------------------------------------------

GUARD = ["estate", "guard", "guard recreate"]


def enforced(folder: Path, lacking: str = "") -> bool:
    data = storage_account(DEV, "rg-dev", "mldata")
    data["properties"]["creationTime"] = "2026-08-01T08:00:00Z"
    with guarding(folder, dedicated(), data) as guard:
        guard.settings = guard.settings.model_copy(update={"azure": guard.settings.azure.model_copy(update=TWO)})
        guard.served.app.rbac = printed(GUARD, lacking)
        guard.run()
        guard.live(days=8)
        guard.run()
        account = f"{group_id(DEV, 'rg-dev')}/providers/Microsoft.Storage/storageAccounts/mldata"
        return guard.priority(GPU) == "LowPriority" and "CostCenter" in guard.body(account)["tags"]


def test_the_guard_enforces_with_the_printed_roles(tmp_path: Path):
    assert enforced(tmp_path)


@pytest.mark.parametrize("lacking", needed("guard", "guard recreate"))
def test_the_guard_needs_each_action_that_is_printed_for_it(tmp_path: Path, lacking: str):
    try:
        done = enforced(tmp_path, lacking)
    except AssertionError:
        return  # the cluster is gone, and is owed

    assert not done


# -- the janitor ----------------------------------------------------------------------------------------------------


def test_the_janitor_deletes_with_the_printed_roles(tmp_path: Path):
    with all_of_it(tmp_path) as janitor:
        janitor.settings = janitor.settings.model_copy(update={"azure": janitor.settings.azure.model_copy(update=TWO)})
        janitor.served.app.rbac = printed(["estate", *JANITOR])

        assert len(deleted(janitor)) == 5


@pytest.mark.parametrize(
    "lacking",
    [
        *needed("janitor endpoints", "janitor computes", "janitor batch", "janitor images", "janitor traffic"),
        "reader Microsoft.Resources/tags/read",
        "reader Microsoft.ContainerRegistry/registries/pull/read",
        "reader Microsoft.ContainerRegistry/registries/metadata/read",
    ],
)
def test_the_janitor_needs_each_action_that_is_printed_for_it(tmp_path: Path, lacking: str):
    with all_of_it(tmp_path) as janitor:
        janitor.settings = janitor.settings.model_copy(update={"azure": janitor.settings.azure.model_copy(update=TWO)})
        janitor.served.app.rbac = printed(["estate", *JANITOR], lacking)
        try:
            done = len(deleted(janitor))
        except AssertionError:
            return  # nothing could be found or approved

        assert done < 5


@pytest.mark.parametrize(("action", "kind"), ACTIONS)
def test_what_a_rule_does_takes_the_one_action_of_its_feature(action: str, kind: str):
    if action == "deleteImage":
        return  # no path of ARM: tried above
    bodies = {
        "stop": instance(HOME, "c"), "scaleToZero": cluster(HOME, "c", low=2), "minNodes0": cluster(HOME, "c", low=2),
        "archive": version()[1], "disable": schedule(), "traffic0": endpoint(HOME, "e"),
        "microsoft.machinelearningservices/workspaces/computes": cluster(HOME, "c"),
        "microsoft.machinelearningservices/workspaces/onlineendpoints": endpoint(HOME, "e"),
        "microsoft.machinelearningservices/workspaces/onlineendpoints/deployments":
            deployment(f"{HOME}/onlineEndpoints/e"),
        "microsoft.machinelearningservices/workspaces/batchendpoints": endpoint(HOME, "b", "batchEndpoints"),
    }  # fmt: skip

    change = change_of(action, bodies[kind or action])  # type: ignore[arg-type]

    assert change
    taken = (action_of(change.verb, change.path) or ("",))[0]
    assert [one.lower() for one in needed(ACTIONS[action, kind])] == [f"executor {taken}".lower()]


# -- tiering --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "own"),
    [
        (["tier apply"], {}),
        (
            ["tier apply", "tier tracking", "tier inventory"],
            {"tracked": False, "tracking": True, "inventory": False, "inventory_rule": "finops-inventory"},
        ),
    ],
)
def test_tiering_applies_and_undoes_with_the_printed_roles(tmp_path: Path, names: list[str], own: dict[str, Any]):
    with tiering(tmp_path, **own) as account:
        account.settings = account.settings.model_copy(update={"azure": account.settings.azure.model_copy(update=TWO)})
        account.served.app.rbac = printed(["estate", *names])
        account.apply()
        account.undo()
        sent = [one for one in account.served.requests if one["principal"] == APPS["executor"]]

        assert {one["status"] for one in account.served.requests} <= {200, 201, 202, 204, 206, 404}
        assert asked(sent) <= {one.removeprefix("executor ").lower() for one in needed(*names)}


# -- what only reads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lacking", ["", *needed("policy compliance")])
def test_compliance_is_read_with_what_is_printed_for_it(tmp_path: Path, lacking: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    write_policy(tmp_path / "policies", "mended")
    write_initiative(tmp_path / "policies", "guard", "mended")
    with serving(write_estate(tmp_path / "estate", small_bodies()), retry_after=0, polls=0) as served:
        assert run(deploy, served, "--scope", PROD, "--policies", str(tmp_path / "policies")).code == 0
        served.world.clock.advance(hours=1)
        served.requests.clear()
        served.app.rbac = printed(["estate", "policy compliance"], lacking)
        Path("finops.yaml").write_text(f"azure: {{endpoint: '{served.url}', client_id: {APPS['reader']}}}\n")
        said = CliRunner().invoke(cli, ["policy", "compliance", "--scope", PROD, "-o", "json"])
        refused = [one for one in served.requests if one["status"] == 403]

    assert bool(refused) == bool(lacking), (said.output, refused)


def test_what_only_reads_works_with_azures_reader_and_says_what_that_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Azure's own Reader has "*/read": the nodes of clusters and queries are actions to it, not reads."""
    monkeypatch.chdir(tmp_path)
    refused: set[str] = set()
    with serving(write_estate(tmp_path / "estate", small_bodies()), retry_after=0, polls=0) as served:
        served.app.rbac = rbac_of([{"Name": "Reader", "Actions": ["*/read"]}])
        Path("finops.yaml").write_text(f"azure: {{endpoint: '{served.url}'}}\n")
        for command in ("guard plan", "guard exemptions", "janitor list", "estate summary"):
            done = CliRunner().invoke(cli, [*command.split()])
            assert done.exit_code in (0, 2, 20), (command, done.output)
        refused = {
            (action_of(one["method"], one["path"]) or ("",))[0] for one in served.requests if one["status"] == 403
        }
        changed = [one for one in served.requests if one["method"] in ("PUT", "PATCH", "DELETE")]

    assert changed == []
    assert {one.lower() for one in refused} <= {
        "microsoft.machinelearningservices/workspaces/computes/listnodes/action",
        "microsoft.costmanagement/query/action",
        "microsoft.policyinsights/policystates/queryresults/action",
    }


def test_the_vaults_secret_takes_the_printed_data_action(tmp_path: Path):
    import urllib.request

    with serving(write_estate(tmp_path / "estate", small_bodies())) as served:
        body = json.dumps({"value": "s3cret-of-the-vault"}).encode()
        put = urllib.request.Request(f"{served.url}/keyvault/kv-finops/secrets/smtp", body, method="PUT")
        urllib.request.urlopen(put).close()
        settings = AzureSettings(endpoint=served.url, client_id=APPS["reader"], key_vault="kv-finops")
        served.app.rbac = printed(["key vault"])
        with connect(settings) as azure:
            assert secret(azure, "smtp") == "s3cret-of-the-vault"
        served.app.rbac = printed(["estate"])
        with connect(settings) as azure, pytest.raises(AzureError, match="Key Vault Secrets User"):
            secret(azure, "smtp")
