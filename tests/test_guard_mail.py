"""The guard's mails: they name the day and the deed before, what was really done after, and none of them is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from estates import DEV, group_id, storage_account
from guarding import GPU, Guarding, dedicated, guarding

from finops.errors import FinopsError

Json = dict[str, Any]


def told(guard: Guarding) -> Guarding:
    guard.run()
    guard.live(days=8)
    return guard


def broken_outbox(guard: Guarding) -> None:
    outbox = guard.folder / "outbox"
    for mail in outbox.glob("*"):
        mail.unlink()
    outbox.rmdir()
    outbox.write_text("no folder")


# -- the day and the deed


def test_a_mail_of_mode_warn_begins_no_grace(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        guard.run(mode="warn")
        assert "After" not in guard.texts()

        guard.live(days=30)
        guard.run()
        assert guard.changes() == []
        assert "After 29 December 2026 06:00 UTC" in guard.texts()

        guard.live(days=8)
        guard.run()
        assert guard.priority() == "LowPriority"


def test_the_mail_names_the_deletion(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        guard.run()

        assert "its maximum is set to 0 nodes as soon as no job runs or queues on it" in guard.texts()
        assert "it is deleted and made anew with spot nodes" in guard.texts()


def test_who_was_told_that_it_stops_growing_is_told_anew_before_it_is_deleted(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        guard.run(recreate="never")
        assert "deleted" not in guard.texts()

        guard.live(days=30)
        guard.run()
        assert guard.changes() == []
        assert "deleted" in guard.texts()


def test_who_was_told_that_it_is_made_anew_was_told_that_it_stops_growing(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard).run(recreate="never")

        assert guard.scale()["maxNodeCount"] == 0


def test_never_before_the_day_in_the_mail(tmp_path: Path):
    with guarding(tmp_path, dedicated(), grace_days=30) as guard:
        told(guard).run(grace_days=7)
        assert guard.changes() == []

        guard.live(days=23)
        guard.run(grace_days=7)
        assert guard.priority() == "LowPriority"


# -- what was really done


@pytest.mark.parametrize(("mode", "then"), [("warn", "Please set: minNodeCount 0. If"), ("enforce", "Otherwise the")])
def test_without_enforce_nothing_is_said_to_be_set(tmp_path: Path, mode: str, then: str):
    with guarding(tmp_path, dedicated(priority="LowPriority", low=1), mode=mode) as guard:
        guard.run(enforce=False)

        assert "is set right now" not in guard.texts()
        assert then in guard.texts()


def test_what_is_set_is_told_once_it_is(tmp_path: Path):
    with guarding(tmp_path, dedicated(priority="LowPriority", low=1)) as guard:
        guard.run()

        assert len(guard.mails()) == 1
        assert "minNodeCount is 0 now" in guard.texts()


def test_what_azure_refused_is_not_told_as_set(tmp_path: Path):
    refusal = {"fault": "403", "method": "PATCH", "path": "/computes/gpu"}
    with guarding(tmp_path, dedicated(priority="LowPriority", low=1), faults=[refusal]) as guard:
        guard.run()
        guard.run()

        assert len(guard.mails()) == 1
        assert "Setting minNodeCount to 0 was tried. Azure refused it" in guard.texts()
        assert "is 0 now" not in guard.texts()


# -- none is lost


def test_the_mail_of_a_deed_that_could_not_be_put_is_put_by_the_next_run(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard)
        broken_outbox(guard)
        with pytest.raises(FinopsError, match="mail could not be left"):
            guard.run()
        assert guard.priority() == "LowPriority"

        (guard.folder / "outbox").unlink()
        guard.run(enforce=False)
        assert "It was made anew with spot nodes" in guard.texts("ana@contoso.com")


def test_the_mail_of_a_deed_is_put_once(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard).run()
        guard.run()

        assert guard.texts().count("It was made anew with spot nodes") == 1


# -- what people read


def test_a_cluster_is_in_a_mail_once_with_all_that_is_found(tmp_path: Path):
    with guarding(tmp_path, dedicated(low=1, idle="PT4H", tags={"Costcenter": "CC-2"})) as guard:
        guard.run(mode="warn")

        text = guard.texts("ana@contoso.com")
        assert text.count(GPU) == 1
        assert "ml-dev/gpu" in text
        for found in ("Its nodes are dedicated", "It never goes below 1 node", "Is CC-2 right?"):
            assert found in text


def test_a_mail_holds_no_more_than_people_read(tmp_path: Path):
    many = [dedicated(name=f"gpu{number}", priority="LowPriority", low=1) for number in range(60)]
    with guarding(tmp_path, *many, mode="warn") as guard:
        guard.run()
        guard.run()

        [mail] = guard.mails()
        assert mail["Subject"] == "Please look at 60 of your Azure resources"
        for kind in ("plain", "html"):
            body = mail.get_body([kind]).get_content()
            assert body.count("/computes/gpu") == 40
            assert "and 20 more, see" in body
            assert "finops guard plan" in body


def test_what_a_long_mail_leaves_out_gets_no_grace_from_it(tmp_path: Path):
    many = [dedicated(name=f"gpu{number}") for number in range(45)]
    small = [storage_account(DEV, "rg-dev", f"data{number}", costcenter="CC-2") for number in range(3)]
    with guarding(tmp_path, *many, *small) as guard:
        guard.run()
        told = [line.until for line in guard.plan().lines if line.rule == "spot"]

    assert len([until for until in told if "until 2026-11-29" in until]) == 40
    assert len([until for until in told if "has not been told yet" in until]) == 5


def test_a_group_and_a_workspace_are_called_by_their_names(tmp_path: Path):
    with guarding(tmp_path, storage_account(DEV, "rg-dev", "mldata", costcenter="CC-2"), mode="warn",
                  admins=["admins@contoso.com"]) as guard:  # fmt: skip
        guard.put({**guard.body(group_id(DEV, "rg-dev")), "tags": {"costcenter": "CC-2"}})
        guard.run()

        [mail] = [mail for mail in guard.mails() if mail["To"] == "admins@contoso.com"]
        lines = mail.get_body(["plain"]).get_content().splitlines()
        assert {"mldata", "rg-dev"} <= set(lines)


# -- nobody who may be told


def stranger() -> Json:
    made = dedicated(priority="LowPriority", low=1)
    return made | {"systemData": made["systemData"] | {"createdBy": "eve@evil.example"}}


NOBODY = (
    "Nobody was told of 1 resource of eve@evil.example: that is no address at one of mail.owner_domains, and "
    "guard.admins names nobody."
)


def test_an_owner_who_may_not_be_told_is_a_problem_of_every_run_until_somebody_is_told(tmp_path: Path):
    with guarding(tmp_path, stranger(), mode="warn") as guard:
        runs = [guard.run(), guard.run(), guard.run(admins=["admins@contoso.com"])]

        assert [one.untold for one in runs] == [(NOBODY,), (NOBODY,), ()]
        assert "minNodeCount 0" in guard.texts("admins@contoso.com")


def test_what_a_tag_names_elsewhere_is_never_told_what_things_cost_also_where_it_is_loud(tmp_path: Path):
    with guarding(tmp_path, stranger(), mode="warn", admins=["admins@contoso.com"]) as guard:
        guard.run()
        guard.live(days=30)
        guard.run(mode="enforce")

        assert {str(one["To"]) for one in guard.mails()} == {"admins@contoso.com"}


def test_a_deed_that_nobody_may_be_told_of_is_kept_until_somebody_may(tmp_path: Path):
    with guarding(tmp_path, stranger()) as guard:
        assert guard.run().untold == (NOBODY,)
        guard.live(days=30)
        guard.run(admins=["admins@contoso.com"])

        assert "minNodeCount is 0 now" in guard.texts("admins@contoso.com")


def test_a_deed_is_kept_for_nobody_for_90_days(tmp_path: Path):
    with guarding(tmp_path, stranger()) as guard:
        guard.run()
        guard.live(days=91)

        assert [guard.run().untold, guard.run().untold] == [(NOBODY,), ()]
