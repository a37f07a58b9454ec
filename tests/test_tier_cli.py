"""`finops tier` on the command line: eighty columns for people, everything as JSON, and clear about what is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from estates import PROD, group, job, workspace, workspace_id
from storing import ACCOUNT, AS_OF, NAME, lifecycle, rule, storage_estate
from tier_estates import reported
from tier_inventories import blob, write_inventory

from finops.cli import cli
from finops.simulator import serving
from finops.simulator.serve import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(storage_estate(tmp_path_factory.mktemp("estate") / "estate")) as found:
        yield found


@pytest.fixture(scope="module")
def inventory(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reported(served, tmp_path_factory.mktemp("inventory"))


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(served: Served, *arguments: object) -> Result:
    return CliRunner().invoke(cli, ["tier", *map(str, arguments), "--azure", served.url])


def test_a_plan_fits_eighty_columns(served: Served, inventory: Path):
    result = run(served, "plan", "--account", NAME, "--inventory", inventory)

    assert result.exit_code == 0, result.output
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert "Saves a month" in result.stdout
    assert "of what deciding blob by blob would save" in result.stdout
    assert "more than today, if all of it is read back" in result.stdout


def test_a_plan_is_whole_as_json(served: Served, inventory: Path):
    found = json.loads(run(served, "plan", "--inventory", inventory, "-o", "json").stdout)[0]

    assert found["account"] == NAME
    assert found["savingMonth"] > found["once"] > 0
    assert found["movedBlobs"] == sum(move["blobs"] for move in found["moves"])
    assert found["policy"]["rules"] == [each["azure"] for each in found["rules"]]
    assert len(found["fingerprint"]) == 64


def test_a_plan_changes_nothing_in_azure_and_leaves_no_file(served: Served, inventory: Path, tmp_path: Path):
    before = {each["id"]: json.dumps(each, sort_keys=True) for each in served.world.resources.all()}

    run(served, "plan", "--inventory", inventory)
    run(served, "explain", "raw/", "--inventory", inventory)

    assert {each["id"]: json.dumps(each, sort_keys=True) for each in served.world.resources.all()} == before
    assert list(tmp_path.iterdir()) == []


def test_a_prefix_is_explained_on_eighty_columns(served: Served, inventory: Path):
    result = run(served, "explain", "runs/", "--inventory", inventory)

    assert result.exit_code == 0, result.output
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert "days since the last access" in result.stdout
    assert "best" in result.stdout


def test_a_lot_is_whole_as_json(served: Served, inventory: Path):
    found = json.loads(run(served, "explain", "raw/", "--inventory", inventory, "-o", "json").stdout)

    assert [(lot["tier"], lot["best"], lot["blobs"]) for lot in found] == [("Hot", "Archive", 200)]
    assert set(found[0]["costs"]) == {"Hot", "Cool", "Cold", "Archive"}


def test_what_is_protected_is_said_to_be(served: Served, inventory: Path):
    result = run(served, "explain", "raw/", "--inventory", inventory, "--protect", "raw/frames/")

    assert "Not considered: protected by --protect raw/frames/." in result.stdout


def test_what_reads_cost_is_said_to_be_unknown_where_they_are_not_noted(tmp_path: Path):
    with serving(storage_estate(tmp_path / "estate", tracked=False)) as found:
        inventory = reported(found, tmp_path / "inventory", tracked=False)
        planned = run(found, "plan", "--inventory", inventory).stdout
        explained = run(found, "explain", "raw/", "--inventory", inventory).stdout
        row = json.loads(run(found, "plan", "--inventory", inventory, "-o", "json").stdout)[0]

    assert all(len(line) <= 80 for line in planned.splitlines())
    said = " ".join(planned.split())
    assert "Reads are not recorded: what they cost is not known" in said
    assert "USD more in a month when all of it is read once" in said
    assert not any(word in said for word in ("Of the optimum", "Reads cost more", "Coming", "confidence", "; saves"))
    assert "chance" not in explained
    assert "Without reads" in explained
    assert [row[name] for name in ("reads", "saving", "ofToday", "optimum", "ofOptimum", "coming")] == [None] * 6
    assert {(move["reads"], move["net"]) for move in row["moves"]} == {(None, None)}
    assert {rule["saving"] for rule in row["rules"]} == {None}
    assert row["savingUnread"] > 0


def test_a_protected_container_that_is_not_there_is_an_error_of_use(served: Served, inventory: Path):
    result = run(served, "plan", "--inventory", inventory, "--protect", "nosuch/pre")

    assert (result.exit_code, "no container 'nosuch'" in result.stderr) == (2, True), result.output


def test_archive_that_is_not_offered_is_said_to_be(tmp_path: Path):
    place = write_inventory(tmp_path / "inventory", [blob("raw/old", used=300)], account=NAME, at=AS_OF)
    estate = storage_estate(tmp_path / "estate", [], sku="Standard_ZRS")

    result = CliRunner().invoke(cli, ["tier", "explain", "raw/", "--inventory", str(place), "--estate", str(estate)])

    assert "Archive is out of the question: not offered with this redundancy" in result.stdout


def test_an_account_without_content_is_left_alone(tmp_path: Path):
    rows = [blob(f"raw/{number}", size=0) for number in range(5)]
    place = write_inventory(tmp_path / "inventory", rows, account=NAME, at=AS_OF)
    estate = storage_estate(tmp_path / "estate", [])

    result = CliRunner().invoke(cli, ["tier", "plan", "--inventory", str(place), "--estate", str(estate)])

    assert (result.exit_code, "Nothing is to be moved" in result.stdout) == (0, True), result.output
    assert "empty: 5 blobs, 0 B" in result.stdout


def test_a_protected_prefix_needs_a_container(served: Served, inventory: Path):
    result = run(served, "plan", "--inventory", inventory, "--protect", "/frames")

    assert (result.exit_code, "names no container" in result.stderr) == (2, True)


def test_without_an_inventory_the_account_s_own_is_read(served: Served, inventory: Path):
    given = json.loads(run(served, "plan", "--inventory", inventory, "-o", "json").stdout)[0]
    result = run(served, "plan", "-o", "json")

    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)[0]["rules"] == given["rules"]


def test_a_folder_that_is_not_there_is_named(served: Served):
    result = run(served, "plan", "--inventory", "nowhere")

    assert (result.exit_code, result.stderr.startswith("Error: There is no nowhere.")) == (1, True)


def test_an_account_that_is_not_there_is_an_error_of_use(served: Served, inventory: Path):
    result = run(served, "plan", "--account", "datalek", "--inventory", inventory)

    assert (result.exit_code, "Did you mean datalake?" in result.stderr) == (2, True)


def test_an_inventory_that_is_cut_in_half_is_refused(served: Served, inventory: Path, tmp_path: Path):
    place = Path(shutil.copytree(inventory, tmp_path / "cut"))
    part = next(place.rglob("*.parquet"))
    part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])

    result = run(served, "plan", "--inventory", place)

    assert result.exit_code == 1
    assert "is not whole" in result.stderr


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"account": "others"}, "is of others, not of datalake"),
        ({"at": AS_OF - timedelta(days=365)}, "365 days ago; the limit is 14"),
    ],
)
def test_an_inventory_to_decide_nothing_by_is_refused(tmp_path: Path, told: dict[str, Any], said: str):
    place = write_inventory(tmp_path / "inventory", [blob("a/b")], **({"account": NAME, "at": AS_OF} | told))
    estate = storage_estate(tmp_path / "estate")

    result = CliRunner().invoke(cli, ["tier", "plan", "--inventory", str(place), "--estate", str(estate)])

    assert (result.exit_code, said in result.stderr) == (1, True), result.stderr


def test_a_recorded_estate_is_planned_for_at_its_own_time(tmp_path: Path):
    rows = [blob(f"raw/old/{number}", used=300) for number in range(100)]
    place = write_inventory(tmp_path / "inventory", rows, account=NAME, at=AS_OF - timedelta(days=1))
    estate = storage_estate(tmp_path / "estate", [])

    result = CliRunner().invoke(cli, ["tier", "plan", "--inventory", str(place), "--estate", str(estate)])

    assert result.exit_code == 0, result.output
    assert "100 blobs, 100.0 GiB, as of 21 Nov 2026" in result.stdout


def test_names_that_would_move_the_cursor_are_shown_without_effect(tmp_path: Path):
    place = write_inventory(tmp_path / "inventory", [blob("raw/\x1b[2J\nå")], account=NAME, at=AS_OF)
    estate = storage_estate(tmp_path / "estate", [])

    result = CliRunner().invoke(
        cli, ["tier", "explain", "raw/\x1b[2J\nå", "--inventory", str(place), "--estate", str(estate)]
    )

    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.stdout
    assert "raw/\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}å  1 blob" in result.stdout


def test_a_rule_that_works_against_ours_makes_the_plan_fail_and_is_named(tmp_path: Path):
    theirs = {"id": f"{ACCOUNT}/managementPolicies/default", "name": "default"}
    theirs |= lifecycle(rule("warm", tierToHot={"daysAfterModificationGreaterThan": 12}))
    rows = [blob(f"raw/old/{number}", used=300) for number in range(100)]
    place = write_inventory(tmp_path / "inventory", rows, account=NAME, at=AS_OF)
    estate = storage_estate(tmp_path / "estate", [], more=[theirs])

    result = CliRunner().invoke(cli, ["tier", "plan", "--inventory", str(place), "--estate", str(estate)])

    assert result.exit_code == 1, result.output
    assert "Refused:" in result.stdout
    assert "warm" in result.stdout


def reading(folder: Path, uri: str, *arguments: str) -> str:
    """What the command says of old blobs where a job reads `uri`, on one line."""
    ws = workspace_id("ml-prod")
    train = job(ws, "train")
    train["properties"] |= {"inputs": {"data": {"jobInputType": "uri_folder", "uri": uri}}}
    rows = [blob(f"{name}/old/{number}", used=300) for number in range(100) for name in ("raw", "more")]
    place = write_inventory(folder / "inventory", rows, account=NAME, at=AS_OF)
    more = [group(PROD, "rg-ml"), workspace(ws), train]
    with serving(storage_estate(folder / "estate", [], more=more)) as served:
        result = run(served, *arguments, "--account", NAME, "--inventory", place)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def test_a_job_that_reads_what_nobody_knows_keeps_everything_out_of_archive(tmp_path: Path):
    said = reading(tmp_path, "azureml://datastores/gone/paths/x", "plan")

    assert "Nothing is archived: what reads its blobs cannot be told." in said
    assert "job train reads azureml://datastores/gone/paths/x" in said
    assert "-> Archive" not in said


def test_what_a_job_reads_stays_and_the_rest_may_be_archived(tmp_path: Path):
    said = reading(tmp_path, f"https://{NAME}.blob.core.windows.net/raw/old/", "plan")

    assert "job train reads it: 100 blobs, 100.0 GiB" in said
    assert "Hot -> Archive 100 blobs 100.0 GiB" in said
