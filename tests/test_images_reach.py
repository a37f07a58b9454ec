"""What keeps an image: everything that names it, an index that holds it, what it is attached to."""

from __future__ import annotations

from pathlib import Path

import pytest
from estates import deployment, endpoint
from imaging import PROD, container_group, environment, fact, job, kubernetes, read, resource, schedule, world
from registries import SERVER, image, index

from finops.estate import Unknown
from finops.simulator.services.registry_content import OCI

OLD = image("tools/etl", "2026-05-01", "v1")
BARE = image("tools/etl", "2026-05-02")


def test_an_image_that_nothing_names_is_not_reached(tmp_path: Path):
    found = read(world(tmp_path, [OLD]))

    assert fact(found, OLD, "reached") is False
    assert fact(found, OLD, "reachedBy") == []


@pytest.mark.parametrize("reference", ["tools/etl:v1", f"tools/etl@{OLD['digest']}", f"tools/etl:old@{OLD['digest']}"])
def test_an_image_that_a_container_group_names_is_reached(tmp_path: Path, reference: str):
    group = container_group(reference)

    found = read(world(tmp_path, [OLD, BARE], [group]))

    assert fact(found, OLD, "reachedBy") == [group["id"].lower()]
    assert fact(found, BARE, "reached") is False


def test_a_tag_that_moved_on_keeps_the_image_that_has_it_now(tmp_path: Path):
    found = read(world(tmp_path, [OLD, image("tools/etl", "2026-06-01", "latest")], [container_group("tools/etl")]))

    assert fact(found, OLD, "reached") is False


def test_without_a_tag_and_without_latest_every_image_of_the_repository_may_be_meant(tmp_path: Path):
    found = read(world(tmp_path, [OLD, BARE], [container_group("tools/etl")]))

    assert fact(found, OLD, "reached") is True
    assert fact(found, BARE, "reached") is True


@pytest.mark.parametrize("reference", ["tools/etl:${{inputs.version}}", "tools/etl:$TAG", "$REPO/x:1"])
def test_a_name_that_is_only_known_when_it_runs_keeps_all_it_may_mean(tmp_path: Path, reference: str):
    latest = image("tools/etl", "2026-06-01", "latest")

    found = read(world(tmp_path, [OLD, BARE, latest], [container_group(reference)]))

    assert fact(found, BARE, "reached") is True


def test_a_deployment_keeps_the_image_of_its_environment(tmp_path: Path):
    chat = endpoint(PROD, "extra")
    blue = deployment(chat["id"])
    blue["properties"]["environmentId"] = f"{PROD}/environments/env/versions/1"

    found = read(world(tmp_path, [OLD], [chat, blue, *environment("tools/etl:v1", archived=True)]))

    assert fact(found, OLD, "reachedBy") == [blue["id"].lower()]


def test_an_environment_version_keeps_the_image_it_is_built_on(tmp_path: Path):
    found = read(world(tmp_path, [OLD], environment("tools/etl:v1")))

    assert fact(found, OLD, "reached") is True


def test_an_archived_environment_version_keeps_nothing_by_itself(tmp_path: Path):
    found = read(world(tmp_path, [OLD], environment("tools/etl:v1", archived=True)))

    assert fact(found, OLD, "reached") is False


@pytest.mark.parametrize(("sent", "reached"), [("2026-10-30T08:00:00Z", True), ("2026-05-30T08:00:00Z", False)])
def test_a_job_keeps_its_image_for_so_many_days(tmp_path: Path, sent: str, reached: bool):
    version = environment("tools/etl:v1", archived=True)

    found = read(world(tmp_path, [OLD], [*version, job(version[1]["id"], sent)]))

    assert fact(found, OLD, "reached") is reached


def test_a_job_that_still_runs_keeps_its_image_however_old_it_is(tmp_path: Path):
    version = environment("tools/etl:v1", archived=True)

    found = read(world(tmp_path, [OLD], [*version, job(version[1]["id"], "2026-05-30T08:00:00Z", status="Running")]))

    assert fact(found, OLD, "reached") is True


@pytest.mark.parametrize("enabled", [True, False])
def test_a_schedule_keeps_its_image_switched_off_or_on(tmp_path: Path, enabled: bool):
    version = environment("tools/etl:v1", archived=True)

    found = read(world(tmp_path, [OLD], [*version, schedule(version[1]["id"], enabled)]))

    assert fact(found, OLD, "reached") is True


@pytest.mark.parametrize("name", ["azureml:env:1", "azureml:env@latest", "env/labels/latest", "env"])
def test_an_environment_is_found_by_every_way_of_naming_it(tmp_path: Path, name: str):
    named = name if name.startswith("azureml:") else f"{PROD}/environments/{name}"
    body = schedule("")
    body["properties"]["action"]["jobDefinition"] = {"jobType": "Command", "environment": named}

    found = read(world(tmp_path, [OLD], [*environment("tools/etl:v1", archived=True), body]))

    assert fact(found, OLD, "reached") is True


def test_a_component_leads_to_the_image_of_its_environment(tmp_path: Path):
    kind = "Microsoft.MachineLearningServices/workspaces/components"
    version = environment("tools/etl:v1", archived=True)
    spec = {"type": "command", "environment": f"azureml:{version[1]['id']}"}
    home = resource(f"{PROD}/components/prep", kind, {"isArchived": False})
    component = resource(f"{home['id']}/versions/1", f"{kind}/versions", {"componentSpec": spec})
    body = schedule("")
    steps = {"prep": {"type": "command", "componentId": component["id"]}}
    body["properties"]["action"]["jobDefinition"] = {"jobType": "Pipeline", "jobs": steps}

    found = read(world(tmp_path, [OLD], [*version, home, component, body]))

    assert fact(found, OLD, "reached") is True


def test_children_of_an_index_that_is_named_are_reached(tmp_path: Path):
    children = [image("tools/base", f"2026-05-0{day}") for day in (1, 2)]
    whole = index("tools/base", "2026-05-03", children, "1.0")
    group = container_group("tools/base:1.0")

    found = read(world(tmp_path, [*children, whole], [group]))

    assert [fact(found, child, "reachedBy") for child in children] == [[group["id"].lower()]] * 2


def test_children_of_an_index_stay_as_long_as_it_is_there(tmp_path: Path):
    children = [image("tools/base", f"2026-05-0{day}") for day in (1, 2)]
    whole = index("tools/base", "2026-05-03", children, "1.0")

    found = read(world(tmp_path, [*children, whole]))

    assert fact(found, whole, "reached") is False
    assert [fact(found, child, "reached") for child in children] == [True, True]


def test_an_index_of_indexes_holds_all_below_it(tmp_path: Path):
    child = image("tools/base", "2026-05-01")
    inner = index("tools/base", "2026-05-02", [child])
    outer = index("tools/base", "2026-05-03", [inner], "1.0")

    found = read(world(tmp_path, [child, inner, outer], [container_group("tools/base:1.0")]))

    assert fact(found, child, "reached") is True


def test_a_signature_stays_with_the_image_it_signs(tmp_path: Path):
    signature = image("tools/etl", "2026-05-02", subject=OLD, artifact="application/vnd.cncf.notary.signature")

    found = read(world(tmp_path, [OLD, signature]))

    assert fact(found, OLD, "reached") is False
    assert fact(found, signature, "reached") is True


def test_a_signature_of_an_image_that_is_gone_is_not_reached(tmp_path: Path):
    signature = image("tools/etl", "2026-05-02", subject=OLD, artifact="application/vnd.cncf.notary.signature")

    found = read(world(tmp_path, [signature]))

    assert fact(found, signature, "reached") is False


def test_a_signature_by_its_tag_stays_with_the_image_it_signs(tmp_path: Path):
    tag = OLD["digest"].replace(":", "-") + ".sig"
    signature = image("tools/etl", "2026-05-02", tag, artifact="application/vnd.dev.cosign.artifact.sig.v1+json")

    found = read(world(tmp_path, [OLD, signature]))

    assert fact(found, signature, "reached") is True


def test_an_image_that_aml_built_is_kept_as_nobody_can_tell_for_which_environment(tmp_path: Path):
    built = image(f"azureml/azureml_{'0f' * 16}", "2026-05-01", "latest")

    found = read(world(tmp_path, [built]))

    reached = fact(found, built, "reached")
    assert isinstance(reached, Unknown)
    assert "ml-prod" in reached.reason


def test_an_image_that_aml_built_is_kept_by_who_names_it(tmp_path: Path):
    built = image(f"azureml/azureml_{'0f' * 16}", "2026-05-01", "latest")

    found = read(world(tmp_path, [built], [container_group(f"{built['imageName']}:latest")]))

    assert fact(found, built, "reached") is True


def test_what_aml_built_in_a_registry_that_no_workspace_has_is_like_any_other(tmp_path: Path):
    built = image(f"azureml/azureml_{'0f' * 16}", "2026-05-01", "latest")

    found = read(world(tmp_path, [built], attached=False))

    assert fact(found, built, "reached") is False


def test_a_kubernetes_cluster_hides_what_it_runs(tmp_path: Path):
    found = read(world(tmp_path, [OLD], [kubernetes()]))

    reached = fact(found, OLD, "reached")
    assert isinstance(reached, Unknown)
    assert "managedClusters/aks" in reached.reason


def test_a_list_of_what_a_cluster_runs_makes_it_known(tmp_path: Path):
    aks = kubernetes()
    listed = tmp_path / "aks.txt"
    listed.write_text(f"# cluster: {aks['id']}\n# as-of: 2026-11-21T00:00:00Z\n{SERVER}/tools/etl:v1  # 3 pods\n")

    found = read(world(tmp_path, [OLD, BARE], [aks]), files=[listed])

    assert fact(found, OLD, "reachedBy") == [f"{listed}, line 3"]
    assert fact(found, BARE, "reached") is False


@pytest.mark.parametrize("when", ["2026-11-01T00:00:00Z", "2026-12-24T00:00:00Z", "yesterday"])
def test_a_list_of_another_time_proves_nothing(tmp_path: Path, when: str):
    aks = kubernetes()
    listed = tmp_path / "aks.txt"
    listed.write_text(f"# cluster: {aks['id']}\n# as-of: {when}\n{SERVER}/tools/etl:v1\n")

    found = read(world(tmp_path, [OLD, BARE], [aks]), files=[listed])

    assert isinstance(fact(found, BARE, "reached"), Unknown)
    assert fact(found, OLD, "reached") is True


def test_an_open_image_is_looked_into_before_it_is_called_unreached(tmp_path: Path):
    lone = image("tools/etl", "2026-05-01", "v1", media_type=OCI)

    found = read(world(tmp_path, [lone]))

    assert fact(found, lone, "reached") is False
    assert next(one for _, one in found.each()).shape is not None
