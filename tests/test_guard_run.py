"""The guard's run as a whole: modes, exemptions, locks, caps, the kill switch, partial failure, tags, money."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from estates import DEV, PROD, group_id, storage_account
from guarding import DEV_WORKSPACE, GPU, PROD_WORKSPACE, Guarding, dedicated, guarding
from living import billed

from finops.cloud import connect
from finops.jobs.guarding.running import carry_out

Json = dict[str, Any]
STORAGE = f"{group_id(DEV, 'rg-dev')}/providers/Microsoft.Storage/storageAccounts/mldata"


def told(guard: Guarding) -> Guarding:
    guard.run()
    guard.live(days=8)
    return guard


def data(**tags: str) -> Json:
    found = storage_account(DEV, "rg-dev", "mldata", **tags)
    found["properties"]["creationTime"] = "2026-08-01T08:00:00Z"
    return found


def tags(guard: Guarding, resource_id: str = STORAGE) -> Json:
    return dict(guard.body(resource_id)["tags"])


def lock(scope: str, level: str = "CanNotDelete") -> Json:
    name = "Microsoft.Authorization/locks"
    return {"id": f"{scope}/providers/{name}/hold", "name": "hold", "type": name, "properties": {"level": level}}


# -- modes


def test_in_mode_audit_nothing_is_changed_and_nobody_told(tmp_path: Path):
    with guarding(tmp_path, dedicated(), data(), mode="audit") as guard:
        told(guard).run()

        assert (guard.changes(), guard.mails()) == ([], [])


def test_in_mode_warn_owners_are_told_and_nothing_is_changed(tmp_path: Path):
    with guarding(tmp_path, dedicated(), data(), mode="warn") as guard:
        told(guard).run()

        assert guard.changes() == []
        assert [mail["To"] for mail in guard.mails()] == ["ana@contoso.com"]


def test_without_enforce_nothing_is_changed_whatever_the_mode(tmp_path: Path):
    with guarding(tmp_path, dedicated(), data()) as guard:
        guard.run(enforce=False)
        guard.live(days=8)
        done = guard.run(enforce=False)

        assert guard.changes() == []
        assert len(done.plan.due) == 2


def test_the_mode_of_the_nearest_scope_counts(tmp_path: Path):
    scopes = {f"/subscriptions/{DEV}": "enforce", f"{group_id(DEV, 'RG-DEV')}": "audit"}
    with guarding(tmp_path, dedicated(), mode="enforce", scopes=scopes) as guard:
        told(guard).run()

        assert guard.changes() == []


def test_a_scope_that_does_not_exist_is_remarked(tmp_path: Path):
    with guarding(tmp_path, scopes={"/subscriptions/99999999-0000-0000-0000-000000000000": "audit"}) as guard:
        assert "99999999" in guard.plan().remarks[0]


# -- what is protected


def test_a_keep_tag_protects_until_its_end(tmp_path: Path):
    with guarding(tmp_path, dedicated(tags={"finops:keep": "2026-12-01;summer model"})) as guard:
        told(guard).run()
        assert guard.changes() == []

        guard.live(days=4)
        told(guard).run()
        assert guard.priority() == "LowPriority"


@pytest.mark.parametrize("scope", [f"/subscriptions/{DEV}", group_id(DEV, "rg-dev"), DEV_WORKSPACE])
def test_a_keep_tag_above_protects_too(tmp_path: Path, scope: str):
    with guarding(tmp_path, dedicated()) as guard:
        holder = guard.body(scope)
        guard.put({**holder, "tags": {**holder["tags"], "Finops:Keep": "2026-12-31;migration"}})
        told(guard).run()

        assert guard.changes() == []


def test_a_malformed_keep_tag_still_keeps_and_is_reported(tmp_path: Path):
    with guarding(tmp_path, dedicated(tags={"CostCenter": "CC-2", "finops:keep": "please"})) as guard:
        told(guard).run()

        assert guard.changes() == []
        assert "'please'" in guard.plan().remarks[0]


def test_an_exemption_by_file_protects_and_is_listed(tmp_path: Path):
    file = tmp_path / "exemptions.yaml"
    file.write_text(f"exemptions:\n- {{scope: '{GPU}', owner: ana@contoso.com, reason: why, until: 2026-12-31}}\n")
    with guarding(tmp_path, dedicated(), exemptions=file) as guard:
        told(guard).run()

        assert guard.changes() == []
        [listed] = guard.plan().exemptions
        assert (listed.exemption.scope, listed.status) == (GPU, "in force")


def test_the_owner_of_an_exemption_that_ends_soon_is_told_once(tmp_path: Path):
    with guarding(tmp_path, dedicated(tags={"CostCenter": "CC-2", "finops:keep": "2026-12-01;why"})) as guard:
        guard.run()
        guard.run()

        [mail] = guard.mails()
        assert "2026-12-01" in mail.get_body(["plain"]).get_content()


@pytest.mark.parametrize("scope", [f"/subscriptions/{DEV}", DEV_WORKSPACE, GPU])
def test_a_lock_protects(tmp_path: Path, scope: str):
    with guarding(tmp_path, dedicated(), lock(scope)) as guard:
        told(guard).run()

        assert guard.changes() == []


# -- how far it may go


def test_over_a_cap_nothing_at_all_is_changed(tmp_path: Path):
    many = [dedicated(name=f"gpu{number}") for number in range(3)]
    with guarding(tmp_path, *many, max_acts=2) as guard:
        done = told(guard).run()

        assert guard.changes() == []
        assert {one.result for one in done.outcomes} == {"refused"}
        assert done.partial


def test_while_the_kill_switch_is_there_nothing_is_changed(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        told(guard)
        (tmp_path / "STOP").touch()
        guard.run()
        assert guard.changes() == []

        (tmp_path / "STOP").unlink()
        guard.run()
        assert guard.priority() == "LowPriority"


def test_a_subscription_that_refuses_leaves_the_others_enforced_and_the_run_partial(tmp_path: Path):
    production = dedicated(PROD_WORKSPACE, tags={"Environment": "dev", "CostCenter": "CC-1"})
    refused = {"fault": "403", "path": f"/subscriptions/{PROD}/"}
    with guarding(tmp_path, dedicated(), production, faults=[refused]) as guard:
        done = told(guard).run()

        assert guard.priority() == "LowPriority"
        assert guard.priority(production["id"]) == "Dedicated"
        assert done.partial
        assert any(PROD in problem for problem in done.plan.problems)


# -- scale


def test_minimum_nodes_and_idle_time_are_set_right_and_the_rest_stays(tmp_path: Path):
    with guarding(tmp_path, dedicated(priority="LowPriority", low=2, high=7, idle="PT4H")) as guard:
        guard.run()

        assert guard.scale() == {"minNodeCount": 0, "maxNodeCount": 7, "nodeIdleTimeBeforeScaleDown": "PT15M"}


def test_a_dedicated_cluster_is_made_anew_with_its_scale_settings_set_right(tmp_path: Path):
    with guarding(tmp_path, dedicated(low=1, high=7, idle="PT4H")) as guard:
        guard.run()
        guard.live(days=8)
        guard.run()

        assert guard.priority() == "LowPriority"
        assert guard.scale() == {"minNodeCount": 0, "maxNodeCount": 7, "nodeIdleTimeBeforeScaleDown": "PT15M"}


def test_what_idle_nodes_of_the_minimum_cost_is_a_saving_at_todays_price(tmp_path: Path):
    with guarding(tmp_path, dedicated(low=2)) as guard:
        guard.live(hours=2)
        [line] = [line for line in guard.plan().lines if line.rule == "scale"]

    assert line.saving == Decimal("3.06") * 2 * 730
    assert line.saving_says == "if 2 of its nodes stay idle"


# -- tags


def test_a_missing_cost_center_is_inherited_and_every_other_tag_stays(tmp_path: Path):
    with guarding(tmp_path, data(Project="ocr")) as guard:
        guard.run()

        assert tags(guard) == {"Project": "ocr", "CostCenter": "CC-2"}


def test_a_resource_that_does_not_say_when_it_was_made_is_tagged_all_the_same(tmp_path: Path):
    with guarding(tmp_path, storage_account(DEV, "rg-dev", "mldata")) as guard:
        guard.run()

        assert tags(guard) == {"CostCenter": "CC-2"}


def test_a_cluster_that_does_not_say_when_it_was_made_is_left_alone(tmp_path: Path):
    body = dedicated()
    body["systemData"] = {"createdBy": "ana@contoso.com", "createdByType": "User"}
    body["properties"]["createdOn"] = None
    with guarding(tmp_path, body) as guard:
        told(guard).run()

        assert guard.changes() == []


def test_a_tag_written_between_our_read_and_our_write_survives(tmp_path: Path):
    with guarding(tmp_path, data(Project="ocr")) as guard:
        planned = guard.plan()
        guard.put({**guard.body(STORAGE), "tags": {"Project": "ocr", "Team": "vision"}})
        with guard.state() as state, connect(guard.settings.azure) as azure:
            carry_out(planned, azure, guard.settings.guard, state, guard.now)

        assert tags(guard) == {"Project": "ocr", "Team": "vision", "CostCenter": "CC-2"}


def test_a_cost_center_that_somebody_sets_meanwhile_is_not_overwritten(tmp_path: Path):
    with guarding(tmp_path, data()) as guard:
        planned = guard.plan()
        guard.put({**guard.body(STORAGE), "tags": {"costcenter": "CC-9"}})
        with guard.state() as state, connect(guard.settings.azure) as azure:
            outcomes, _ = carry_out(planned, azure, guard.settings.guard, state, guard.now)

        assert tags(guard) == {"costcenter": "CC-9"}
        assert [one.result for one in outcomes] == ["changed-since"]


@pytest.mark.parametrize("tag", [{"Cost-Center": "CC-2"}, {"costcenter": "CC-2"}, {"CostCentre": "CC-2"}])
def test_a_misspelt_tag_is_proposed_and_not_corrected(tmp_path: Path, tag: dict[str, str]):
    with guarding(tmp_path, data(**tag)) as guard:
        done = guard.run()

        assert tags(guard) == tag
        assert [line.action for line in done.plan.lines if line.id == STORAGE] == ["propose CostCenter = CC-2"]


def test_nobody_is_asked_twice_for_a_cost_center(tmp_path: Path):
    made = {"createdBy": "ben@contoso.com", "createdByType": "User", "createdAt": "2026-08-01T08:00:00Z"}
    orphan = {**data(), "systemData": made}
    with guarding(tmp_path, orphan) as guard:
        guard.put({**guard.body(group_id(DEV, "rg-dev")), "tags": {}})
        guard.run()
        guard.run()

        [mail] = [mail for mail in guard.mails() if mail["To"] == "ben@contoso.com"]
        assert "mldata" in mail.get_body(["plain"]).get_content()


def test_where_nobody_is_known_the_admins_are_told(tmp_path: Path):
    body = {**dedicated(), "systemData": {"createdAt": "2026-08-01T08:00:00Z", "createdByType": "Application"}}
    with guarding(tmp_path, body, admins=["admins@contoso.com"]) as guard:
        told(guard).run()

        assert {mail["To"] for mail in guard.mails()} == {"admins@contoso.com"}
        assert guard.priority() == "LowPriority"


def test_a_cluster_of_which_nobody_could_be_told_is_left_alone(tmp_path: Path):
    body = {**dedicated(), "systemData": {"createdAt": "2026-08-01T08:00:00Z", "createdByType": "Application"}}
    with guarding(tmp_path, body) as guard:
        told(guard).run()

        assert guard.changes() == []


# -- money


def test_the_charges_of_the_days_after_fall_to_the_price_of_spot(tmp_path: Path):
    with guarding(tmp_path, dedicated()) as guard:
        world = guard.served.world
        world.life.profiles[GPU.lower()] = {"id": GPU, "jobsPerDay": 6, "minutes": 120, "shape": "office"}
        guard.put(guard.body())
        told(guard)
        before = billed(world)
        while guard.priority() == "Dedicated":
            guard.live(hours=1)
            guard.run()
        at_once = billed(world)
        guard.live(days=8)
        after = billed(world) - at_once

    assert before > 0
    assert Decimal(0) < after < before * Decimal("0.4")


# -- afterwards


def test_the_audit_trail_is_whole(tmp_path: Path):
    with guarding(tmp_path, dedicated(), data()) as guard:
        told(guard).run()
        with guard.state() as state:
            verified = state.verify_audit()

    assert verified.fault is None
    assert verified.entries >= 8


def test_a_second_run_finds_nothing_to_do(tmp_path: Path):
    with guarding(tmp_path, dedicated(), data()) as guard:
        told(guard).run()
        before = guard.changes()
        done = guard.run()

        assert guard.changes() == before
        assert (done.outcomes, done.mails) == ((), ())
