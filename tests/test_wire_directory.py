"""Microsoft Graph over HTTP: who is still in the directory, and who may ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from estates import write_estate

from finops.simulator import serving

ANA = {"id": "aaaaaaaa-0000-0000-0000-000000000001", "userPrincipalName": "ana@contoso.com", "displayName": "Ana"}
BEN = {"id": "aaaaaaaa-0000-0000-0000-000000000002", "userPrincipalName": "ben_x#EXT#@contoso.com",
       "displayName": "Ben", "accountEnabled": False}  # fmt: skip
READER = {"Name": "Reader", "Actions": ["*/read"], "NotActions": []}


@contextmanager
def graph(folder: Path, users: list[dict[str, Any]] | None = None, **options: Any) -> Iterator[httpx.Client]:
    estate = write_estate(folder / "estate")
    (estate / "directory.jsonl").unlink(missing_ok=True)
    if users is not None:
        (estate / "directory.jsonl").write_text("".join(json.dumps(user) + "\n" for user in users))
    token = {"Authorization": "Bearer ours"}
    with serving(estate, **options) as served, httpx.Client(base_url=f"{served.url}/graph/v1.0", headers=token) as http:
        yield http


@pytest.mark.parametrize("name", [ANA["id"], ANA["id"].upper(), "ana@contoso.com", "Ana@Contoso.com"])
def test_a_user_is_found_by_id_and_by_address(tmp_path: Path, name: str):
    with graph(tmp_path, [ANA, BEN]) as http:
        found = http.get(f"/users/{name}").json()

    assert (found["id"], found["displayName"]) == (ANA["id"], "Ana")
    assert found["@odata.context"].endswith("/$entity")


def test_a_guest_is_found_by_an_encoded_address(tmp_path: Path):
    with graph(tmp_path, [ANA, BEN]) as http:
        assert http.get("/users/ben_x%23EXT%23@contoso.com").json()["id"] == BEN["id"]


def test_only_what_is_selected_is_told(tmp_path: Path):
    with graph(tmp_path, [ANA, BEN]) as http:
        found = http.get(f"/users/{BEN['id']}", params={"$select": "id,accountEnabled"}).json()

    assert {name for name in found if name[0] != "@"} == {"id", "accountEnabled"}
    assert found["accountEnabled"] is False


def test_who_is_gone_is_not_found(tmp_path: Path):
    with graph(tmp_path, [ANA]) as http:
        answer = http.get(f"/users/{BEN['id']}")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "Request_ResourceNotFound"
    assert BEN["id"] in answer.json()["error"]["message"]
    assert answer.json()["error"]["innerError"]["request-id"]


def test_a_directory_without_anybody_is_known(tmp_path: Path):
    with graph(tmp_path, []) as http:
        assert http.get(f"/users/{ANA['id']}").status_code == 404


def test_a_directory_that_was_not_asked_is_refused(tmp_path: Path):
    with graph(tmp_path) as http:
        answer = http.get(f"/users/{ANA['id']}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "Authorization_RequestDenied")


@pytest.mark.parametrize(
    ("rights", "status"),
    [({}, 403), ({"graph": []}, 403), ({"graph": ["Group.Read.All"]}, 403), ({"graph": ["User.Read.All"]}, 200)],
)
def test_roles_of_azure_do_not_open_the_directory(tmp_path: Path, rights: dict[str, Any], status: int):
    with graph(tmp_path, [ANA], roles={"roles": [READER], **rights}) as http:
        assert http.get(f"/users/{ANA['id']}").status_code == status


def test_each_caller_has_permissions_of_their_own(tmp_path: Path):
    everywhere = [{"role": "Reader", "scope": "/"}]
    principals = {
        "ours": {"name": "finops", "assignments": everywhere, "graph": ["User.Read.All"]},
        "theirs": {"name": "else", "assignments": everywhere},
    }
    with graph(tmp_path, [ANA], roles={"roles": [READER], "principals": principals}) as http:
        ours = http.get(f"/users/{ANA['id']}")
        theirs = http.get(f"/users/{ANA['id']}", headers={"Authorization": "Bearer theirs"})

    assert (ours.status_code, theirs.status_code) == (200, 403)


def test_several_are_asked_for_in_one_batch(tmp_path: Path):
    asked = [
        {"id": str(at), "method": "GET", "url": f"/users/{user['id']}?$select=id"} for at, user in enumerate([ANA, BEN])
    ]
    with graph(tmp_path, [ANA]) as http:
        answers = {each["id"]: each for each in http.post("/$batch", json={"requests": asked}).json()["responses"]}
        too_many = http.post("/$batch", json={"requests": asked * 11})

    assert (answers["0"]["status"], answers["0"]["body"]["id"]) == (200, ANA["id"])
    assert (answers["1"]["status"], answers["1"]["body"]["error"]["code"]) == (404, "Request_ResourceNotFound")
    assert too_many.status_code == 400


def test_by_ids_only_those_there_come_back(tmp_path: Path):
    with graph(tmp_path, [ANA]) as http:
        asked = {"ids": [ANA["id"], BEN["id"]], "types": ["user"]}
        found = http.post("/directoryObjects/getByIds", json=asked).json()["value"]

    assert [user["id"] for user in found] == [ANA["id"]]


def test_users_are_listed_and_filtered(tmp_path: Path):
    with graph(tmp_path, [ANA, BEN], page_size=1) as http:
        first = http.get("/users").json()
        second = http.get(first["@odata.nextLink"]).json()
        named = http.get("/users", params={"$filter": "userPrincipalName in ('ana@contoso.com','x@y.z')"}).json()
        odd = http.get("/users", params={"$filter": "startswith(displayName,'A')"})

    assert [user["id"] for page in (first, second) for user in page["value"]] == [ANA["id"], BEN["id"]]
    assert "@odata.nextLink" not in second
    assert [user["id"] for user in named["value"]] == [ANA["id"]]
    assert odd.status_code == 400


def test_a_recording_knows_whom_it_asked_for(tmp_path: Path):
    gone = {"asked": BEN["id"], "id": BEN["id"], "gone": True}
    with graph(tmp_path, [{**ANA, "asked": ANA["id"]}, gone]) as http:
        statuses = [http.get(f"/users/{name}").status_code for name in (ANA["id"], BEN["id"], "somebody@else.com")]

    assert statuses == [200, 404, 403]
