"""Single blobs of a small account: moved in batches through acts, only while they are what was planned, and back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from storing import ACCOUNT, AS_OF, NAME
from test_tier_approve import after_the_grace as wait
from test_tier_approve import approve, asked, record
from tier_applying import ZONES, Tiering, results, tiering

from finops.jobs.tiering.deeds import MOVE, MOVE_BACK
from finops.jobs.tiering.moves import WENT
from finops.jobs.tiering.past import changes
from finops.simulator.storage.prices import TIERS

MIB = 2**20


def blob(number: int, days: float = 300, **more: Any) -> dict[str, Any]:
    at = (AS_OF - timedelta(days=days)).isoformat()
    return {"container": "raw", "name": f"frames/{number:03}", "bytes": 500 * MIB, "created": at, **more}


OLD = [blob(number) for number in range(300)]
NEW = [blob(900 + number, days=1) for number in range(3)]


def tiers(account: Tiering) -> dict[str, str]:
    """Where each blob is, as the service has it."""
    world = account.served.world
    body = world.resources.get(ACCOUNT)
    assert body is not None
    blobs = world.storage.of(body).blobs
    return {
        str(blobs.names[row]): TIERS[blobs.tier[row]]
        for row in blobs.ordered()
        if str(blobs.names[row]).startswith("frames/")
    }


def count(account: Tiering, tier: str) -> int:
    return list(tiers(account).values()).count(tier)


def small(folder: Path, told: Any = (*OLD, *NEW), **own: Any) -> Any:
    return tiering(folder, told, sku=own.pop("sku", ZONES), small_account=1000, **own)


def test_blobs_of_a_small_account_are_moved_one_by_one_and_no_rule_is_set(tmp_path: Path):
    with small(tmp_path) as account:
        done = account.apply()

        assert results(done) == [(MOVE, "done"), (MOVE, "done")], done.lines
        assert (count(account, "Hot"), account.rules()) == (3, [])
        assert [each for each in account.changes() if "management" in each] == []


def test_each_batch_is_written_down_before_it_is_sent(tmp_path: Path):
    with small(tmp_path) as account:
        account.apply()

        said = [entry["what"] for entry in account.state.audit_entries()]
        assert said == [f"will {MOVE}", "done", f"will {MOVE}", "done"]


def test_a_dry_run_moves_nothing(tmp_path: Path):
    with small(tmp_path) as account:
        done = account.apply(execute=False)

        assert results(done) == [(MOVE, "would"), (MOVE, "would")]
        assert count(account, "Hot") == 303


def test_a_blob_that_was_written_since_the_plan_stays(tmp_path: Path):
    with small(tmp_path) as account:
        locks = "/providers/microsoft.authorization/locks"

        def written() -> None:
            holding = account.served.world.storage.of(account.body(ACCOUNT) or {})
            row = next(row for row in holding.blobs.ordered() if str(holding.blobs.names[row]) == "frames/007")
            holding.blobs.modified[row] += 60 * 24

        account.when("GET", locks, 1, written)

        done = account.apply()

        assert tiers(account)["frames/007"] == "Hot"
        assert count(account, "Hot") == 4
        assert any("written since it was decided on" in line.why for line in done.lines), done.lines


def test_a_second_run_moves_nothing_more(tmp_path: Path):
    with small(tmp_path) as account:
        account.apply()
        account.inventory = None
        account.served.world.clock.advance(days=2)

        done = account.apply()

        assert {line.result for line in done.lines} == {"so"}, done.lines


def test_a_second_run_with_the_same_inventory_moves_nothing_more_and_holds_nothing_up(tmp_path: Path):
    with small(tmp_path) as account:
        account.apply()
        before = account.changes()

        done = account.apply()

        assert [line.result for line in done.lines] == ["so"], done.lines
        assert account.changes() == before


def test_another_supposition_of_reads_moves_nothing_back_or_on(tmp_path: Path):
    with small(tmp_path, OLD[:5], reads_a_day={NAME: 10}) as account:
        account.apply()
        account.inventory = None
        moved = [tiers(account)]
        for reads in (10_000, 1, 30):
            account.set(reads_a_day={NAME: reads})
            account.served.world.clock.advance(days=2)
            account.apply()
            moved.append(tiers(account))

        assert moved == [{f"frames/{number:03}": "Cold" for number in range(5)}] * 4


def test_a_blob_is_moved_on_only_when_it_has_served_the_days_of_its_tier(tmp_path: Path):
    lately, long_ago = ((AS_OF - timedelta(days=days)).isoformat() for days in (5, 200))
    told = [blob(1, tier="Cool", tierChanged=lately), blob(2, tier="Cool", tierChanged=long_ago)]
    with small(tmp_path, told, reads_a_day={NAME: 1}, inventory=False) as account:
        account.apply()
        early = tiers(account)
        account.served.world.clock.advance(days=26)

        account.apply()

        assert early == {"frames/001": "Cool", "frames/002": "Cold"}
        assert tiers(account) == {"frames/001": "Cold", "frames/002": "Cold"}


def test_undo_moves_them_back_and_says_before_what_that_costs(tmp_path: Path):
    with small(tmp_path) as account:
        account.apply()

        said = account.undo(execute=False)
        done = account.undo()

        assert all("USD at most" in line.why and "leaving tiers early" in line.why for line in said.lines)
        assert results(done) == [(MOVE_BACK, "done"), (MOVE_BACK, "done")], done.lines
        assert count(account, "Hot") == 303


def test_undo_leaves_where_it_is_what_others_moved_after_we_had_left_it(tmp_path: Path):
    with small(tmp_path, OLD[:20]) as account:

        def holding() -> tuple[Any, int]:
            blobs = account.served.world.storage.of(account.body(ACCOUNT) or {}).blobs
            return blobs, next(row for row in blobs.ordered() if str(blobs.names[row]) == "frames/007")

        def read() -> None:
            blobs, row = holding()
            blobs.accessed[row] = int(account.now.timestamp() // 60)

        account.when("GET", "/providers/microsoft.authorization/locks", 1, read)
        account.apply()
        left = tiers(account)["frames/007"]
        blobs, row = holding()
        theirs = next(tier for tier in tiers(account).values() if tier != "Hot")
        blobs.tier[row] = TIERS.index(theirs)

        account.undo()

        assert left == "Hot"
        assert tiers(account)["frames/007"] == theirs
        assert count(account, "Hot") == 19


def test_a_second_undo_moves_nothing(tmp_path: Path):
    with small(tmp_path) as account:
        account.apply()
        account.undo()
        before = account.changes()

        done = account.undo()

        assert results(done) == [("undo", "so")]
        assert account.changes() == before


def test_what_of_a_batch_that_was_broken_off_did_not_come_back_the_next_undo_takes_back(tmp_path: Path):
    with small(tmp_path, OLD[:20]) as account:
        account.apply()
        there = tiers(account)
        account.undo()
        [back] = [one for one in changes(account.state) if one.action == MOVE_BACK]
        account.state.drop(f"{WENT}{back.number}")  # as if it had died before that was written down
        blobs = account.served.world.storage.of(account.body(ACCOUNT) or {}).blobs
        for row in blobs.ordered():
            if "frames/" <= str(blobs.names[row]) < "frames/010":
                blobs.tier[row] = TIERS.index(there[str(blobs.names[row])])

        done = account.undo()

        assert results(done) == [(MOVE_BACK, "done")], done.lines
        assert count(account, "Hot") == 20


def test_what_of_a_batch_that_was_broken_off_never_went_undo_leaves_to_who_moved_it_later(tmp_path: Path):
    with small(tmp_path, OLD[:20]) as account:
        account.apply()
        there = tiers(account)
        [sent] = [one for one in changes(account.state) if one.action == MOVE]
        account.state.drop(f"{WENT}{sent.number}")
        blobs = account.served.world.storage.of(account.body(ACCOUNT) or {}).blobs
        [row] = [row for row in blobs.ordered() if str(blobs.names[row]) == "frames/007"]
        blobs.tier[row] = TIERS.index("Hot")  # it did not go
        account.set(mode="list")
        account.apply()  # finds out what became of it
        blobs.tier[row] = TIERS.index(there["frames/007"])  # and somebody moves it then

        account.undo()

        assert (tiers(account)["frames/007"], count(account, "Hot")) == (there["frames/007"], 19)


def test_undo_leaves_a_blob_alone_that_somebody_moved_since(tmp_path: Path):
    with small(tmp_path, [blob(1), blob(2)]) as account:
        account.apply()
        moved = tiers(account)["frames/001"]
        holding = account.served.world.storage.of(account.body(ACCOUNT) or {})
        row = next(row for row in holding.blobs.ordered() if str(holding.blobs.names[row]) == "frames/001")
        elsewhere = next(number for number in (1, 2) if TIERS[number] != moved)
        holding.blobs.tier[row] = elsewhere

        account.undo()

        assert tiers(account) == {"frames/001": TIERS[elsewhere], "frames/002": "Hot"}


def test_an_account_that_was_undone_is_left_alone_unless_it_is_named(tmp_path: Path):
    with small(tmp_path) as account:
        account.apply()
        account.undo()

        by_itself = account.apply()
        named = account.apply(accounts=[NAME])

        assert [line.result for line in by_itself.lines] == ["so"]
        assert "left alone until" in by_itself.lines[0].why
        assert {line.result for line in named.lines} == {"done"}


def test_only_blobs_that_were_approved_by_name_are_archived(tmp_path: Path):
    with small(tmp_path, [blob(number, days=700) for number in range(5)], sku="Standard_LRS") as account:
        asked(account)
        approve(account)
        account.served.world.clock.advance(hours=1)
        wait(account)

        done = account.apply()

        assert {line.what for line in done.lines} == {MOVE}, done.lines
        assert record(account).status == "confirmed"
        assert count(account, "Hot") == 0


def test_where_none_of_what_was_approved_is_left_nothing_is_done_in_its_place(tmp_path: Path):
    with small(tmp_path, [blob(number, days=700) for number in range(5)], sku="Standard_LRS") as account:
        asked(account)
        approve(account)
        wait(account)
        blobs = account.served.world.storage.of(account.body(ACCOUNT) or {}).blobs
        for row in blobs.ordered():
            blobs.modified[row] += 1  # written since, and as old all the same
        before = account.changes()

        done = account.apply()

        assert [line.result for line in done.lines] == ["so"], done.lines
        assert (account.rules(), count(account, "Hot"), account.changes()) == ([], 5, before)
        assert record(account).status == "kept"


def test_batches_that_azure_refuses_are_said_to_be(tmp_path: Path):
    with small(tmp_path) as account:
        account.faults({"fault": "status", "method": "POST", "path": "comp=batch", "status": 403,
                        "code": "AuthorizationPermissionMismatch", "message": "no"})  # fmt: skip

        done = account.apply()

        assert {line.result for line in done.lines} == {"failed"}, done.lines
        assert "Storage Blob Data Contributor" in done.lines[0].why
        assert count(account, "Hot") == 303


def test_a_batch_whose_answer_is_lost_is_found_out_by_reading(tmp_path: Path):
    with small(tmp_path) as account:
        account.faults({"fault": "reset-after", "method": "POST", "path": "comp=batch", "times": 1})

        done = account.apply()

        assert {line.result for line in done.lines} == {"done"}, done.lines
        assert count(account, "Hot") == 3
