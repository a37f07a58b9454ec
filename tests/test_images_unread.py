"""What was not read hides references: nothing is called unreached then."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from estates import AS_OF
from imaging import PROD, connected, container_group, environment, fact, read, schedule, world
from registries import REGISTRY, SERVER, image, index

from finops import estate, images
from finops.errors import DataError, SignInError
from finops.estate import Unknown
from finops.simulator.faults import Rule, rules_of

OLD = image("tools/etl", "2026-05-01", "v1")
NO = {"fault": "status", "status": 403, "code": "AuthorizationFailed", "message": "You may not."}


@pytest.mark.parametrize(
    "path",
    [
        "/workspaces/ml-prod/schedules",
        r"/workspaces/ml-prod/environments\?",
        "/workspaces/ml-prod/environments/env/versions",
        "/workspaces/ml-prod/jobs",
        "/workspaces/ml-research/jobs",
    ],
)
def test_a_list_that_is_refused_makes_every_image_unknown(tmp_path: Path, path: str):
    folder = world(tmp_path, [OLD], environment("mcr.microsoft.com/x:1"))

    found = read(folder, faults=[{**NO, "path": path}])

    reached = fact(found, OLD, "reached")
    assert isinstance(reached, Unknown)
    assert "could not be read" in reached.reason
    assert isinstance(fact(found, OLD, "dependents"), Unknown)


@pytest.mark.parametrize("query", ["azurecr", "managedclusters"])
def test_a_refused_search_for_what_else_runs_containers_makes_every_image_unknown(tmp_path: Path, query: str):
    folder = world(tmp_path, [OLD])
    with connected(folder) as (azure, server):
        found = estate.read(azure, AS_OF)
        server.app.faults.add(_rules({**NO, "path": "/resources", "body": query}))

        answer = images.read(azure, found, AS_OF)

    assert isinstance(fact(answer, OLD, "reached"), Unknown)


def _rules(rule: dict[str, Any]) -> list[Rule]:
    return rules_of([rule])


def test_an_environment_that_is_refused_makes_every_image_unknown(tmp_path: Path):
    folder = world(tmp_path, [OLD], [schedule(f"{PROD}/environments/other/versions/1")])

    found = read(folder, faults=[{**NO, "path": "/environments/other/versions/1"}])

    assert isinstance(fact(found, OLD, "reached"), Unknown)


def test_an_environment_that_is_gone_hides_nothing(tmp_path: Path):
    found = read(world(tmp_path, [OLD], [schedule(f"{PROD}/environments/other/versions/1")]))

    assert fact(found, OLD, "reached") is False


def test_an_environment_of_microsofts_own_hides_nothing(tmp_path: Path):
    shared = "azureml://registries/azureml/environments/sklearn-1.5/versions/9"

    found = read(world(tmp_path, [OLD], [schedule(shared)]))

    assert fact(found, OLD, "reached") is False


def test_an_environment_of_a_registry_of_assets_that_is_not_seen_makes_every_image_unknown(tmp_path: Path):
    shared = "azureml://registries/contoso/environments/sklearn/versions/9"

    found = read(world(tmp_path, [OLD], [schedule(shared)]))

    assert isinstance(fact(found, OLD, "reached"), Unknown)


def test_what_was_refused_does_not_hide_what_is_known_to_be_reached(tmp_path: Path):
    folder = world(tmp_path, [OLD], [container_group("tools/etl:v1")])

    found = read(folder, faults=[{**NO, "path": "/schedules"}])

    assert fact(found, OLD, "reached") is True


def test_an_index_that_cannot_be_read_makes_its_repository_unknown(tmp_path: Path):
    child, other = image("tools/base", "2026-05-01"), image("tools/etl", "2026-05-01")
    whole = index("tools/base", "2026-05-03", [child], "1.0")
    refused = {**NO, "path": f"/v2/tools/base/manifests/{whole['digest']}"}

    found = read(world(tmp_path, [child, whole, other]), faults=[refused])

    assert isinstance(fact(found, child, "reached"), Unknown)
    assert fact(found, other, "reached") is False


def test_an_index_that_vanished_is_left_out(tmp_path: Path):
    child = image("tools/base", "2026-05-01")
    whole = index("tools/base", "2026-05-03", [child], "1.0")
    gone = {"path": f"/v2/.*/manifests/{whole['digest']}", "fault": "status", "status": 404, "code": "MANIFEST_UNKNOWN"}

    found = read(world(tmp_path, [child, whole]), faults=[{**gone, "message": "manifest is not found"}])

    assert not found.gaps
    assert fact(found, child, "reached") is False
    assert [one.digest for _, one in found.each()] == [child["digest"]]


def test_a_registry_that_refuses_is_a_gap_and_its_images_are_not_there(tmp_path: Path):
    found = read(world(tmp_path, [OLD]), faults=[{**NO, "path": "/acr/v1/", "status": 401}])

    assert [(gap.scope, gap.what) for gap in found.gaps] == [
        (REGISTRY, "Microsoft.ContainerRegistry/registries/manifests")
    ]
    assert not found.resources()


def test_a_repository_that_refuses_is_a_gap_and_the_others_are_read(tmp_path: Path):
    other = image("tools/base", "2026-05-01", "1.0")

    found = read(world(tmp_path, [OLD, other]), faults=[{**NO, "path": "/acr/v1/tools/etl/_manifests"}])

    assert [gap.scope for gap in found.gaps] == [f"{REGISTRY}/repositories/tools~etl"]
    assert [home.name for home in found.homes] == ["tools/base"]


def test_a_login_that_is_over_ends_the_reading(tmp_path: Path):
    with connected(world(tmp_path, [OLD])) as (azure, server):
        found = estate.read(azure, AS_OF)
        over = {"path": "/schedules", "fault": "status", "status": 401, "code": "ExpiredAuthenticationToken"}
        server.app.faults.add(_rules({**over, "message": "over"}))

        with pytest.raises(SignInError):
            images.read(azure, found, AS_OF)


def test_jobs_further_back_than_they_are_read_make_every_image_unknown(tmp_path: Path):
    found = read(world(tmp_path, [OLD]), job_days=200)

    assert isinstance(fact(found, OLD, "reached"), Unknown)


def test_the_last_look_needs_an_estate_of_now(tmp_path: Path):
    folder = world(tmp_path, [OLD])
    wanted = [images.resource_id(REGISTRY, "tools/etl", OLD["digest"])]
    with connected(folder) as (azure, _):
        read_before = estate.read(azure, AS_OF)

        late = images.look(azure, read_before, wanted, AS_OF + timedelta(hours=2))
        fresh = images.look(azure, None, wanted, AS_OF)

    assert isinstance(fact(late, OLD, "reached"), Unknown)
    assert fact(fresh, OLD, "reached") is False


def test_the_last_look_at_an_image_that_is_gone_does_not_have_it(tmp_path: Path):
    other = image("tools/etl", "2026-06-01", "v2")
    wanted = [images.resource_id(REGISTRY, one["imageName"], one["digest"]) for one in (OLD, other)]
    with connected(world(tmp_path, [OLD, other])) as (azure, _):
        azure.registry(SERVER).delete("tools/etl", OLD["digest"])

        found = images.look(azure, None, wanted, AS_OF)

    assert list(found.resources()) == [wanted[1].lower()]


def test_the_last_look_reads_only_the_repositories_concerned(tmp_path: Path):
    other = image("tools/base", "2026-06-01", "v2")
    with connected(world(tmp_path, [OLD, other])) as (azure, server):
        images.look(azure, None, [images.resource_id(REGISTRY, "tools/etl", OLD["digest"])], AS_OF)

        assert not [line for line in server.requests if "tools/base" in line["path"]]


def test_an_id_that_is_no_image_is_an_error(tmp_path: Path):
    with connected(world(tmp_path, [OLD])) as (azure, _), pytest.raises(DataError, match="does not name a manifest"):
        images.look(azure, None, [REGISTRY], AS_OF)
