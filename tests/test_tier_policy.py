"""Our rules in somebody's management policy: theirs stay to the letter, and what Azure would refuse is not written."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any

import pytest
from storing import NAME

from finops.errors import DataError
from finops.simulator.storage.rules import checked
from finops.tiering.policy import changed, conflicts, is_ours, merged, rules_in, unmerged
from finops.tiering.rules import LifecycleRule, named

ACCOUNT = {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}


def our_rule(
    *days: tuple[str, int],
    prefixes: tuple[str, ...] = ("data/",),
    basis: str = "last access",
    tags: tuple[tuple[str, str], ...] = (),
) -> LifecycleRule:
    stages = days or (("Cold", 60),)
    return named(LifecycleRule("", prefixes, basis, stages, Decimal(10), 5, 100, tags), NAME)


def their_rule(name: str = "keep-logs-short", prefixes: tuple[str, ...] = ("logs/",), **base: Any) -> dict[str, Any]:
    """As a person might have written it: with its own order of fields, and one that we do not know."""
    return {
        "type": "Lifecycle",
        "name": name,
        "definition": {
            "actions": {"baseBlob": base or {"delete": {"daysAfterModificationGreaterThan": 400.0}}},
            "filters": {"prefixMatch": list(prefixes), "blobTypes": ["blockBlob"]},
        },
        "x-note": "agreed with Ana",
    }


def test_rules_of_others_stay_to_the_letter_and_in_their_order():
    theirs = [their_rule("b"), their_rule("a"), their_rule("finops-by-hand")]

    written = merged({"rules": copy.deepcopy(theirs)}, [our_rule()], NAME)

    assert json.dumps(written["rules"][:3]) == json.dumps(theirs)
    assert written["rules"][3] == our_rule().body()


def test_merging_again_replaces_ours_and_adds_nothing():
    before = merged({"rules": [their_rule()]}, [our_rule(("Cool", 30))], NAME)

    after = merged(before, [our_rule(("Cold", 60))], NAME)

    assert [rule["name"] for rule in after["rules"]] == ["keep-logs-short", our_rule(("Cold", 60)).name]
    assert merged(after, [our_rule(("Cold", 60))], NAME) == after


def test_merging_changes_nothing_that_it_was_given():
    existing = {"rules": [their_rule()]}
    before = copy.deepcopy(existing)

    merged(existing, [our_rule()], NAME)

    assert existing == before


def test_taking_ours_out_again_leaves_what_was_there():
    existing = {"rules": [their_rule("b"), their_rule("a")]}

    assert unmerged(merged(existing, [our_rule()], NAME), NAME) == existing


def test_a_policy_of_ours_alone_is_deleted_since_azure_takes_none_without_rules():
    assert unmerged(merged(None, [our_rule()], NAME), NAME) is None


def test_undo_brings_back_the_rules_of_ours_that_were_there_before():
    before = merged({"rules": [their_rule()]}, [our_rule(("Cool", 30))], NAME)
    after = merged(before, [our_rule(("Cold", 60))], NAME)

    assert unmerged(after, NAME, before["rules"]) == before


def test_what_arm_gives_is_read_as_well_as_the_policy_itself():
    body = {"name": "DefaultManagementPolicy", "properties": {"policy": {"rules": [their_rule()]}}}

    assert rules_in(body) == [their_rule()]


@pytest.mark.parametrize("broken", [{}, {"rules": None}, {"rules": ["x"]}, {"rules": [{"type": "Lifecycle"}]}])
def test_a_policy_that_cannot_be_read_is_never_written_over(broken):
    with pytest.raises(DataError, match="no list of named rules"):
        merged(broken, [our_rule()], NAME)


def test_a_rule_that_we_wrote_is_ours_as_azure_gives_it_back():
    body = our_rule(("Cool", 30), ("Archive", 365), basis="modification").body()
    body["definition"]["actions"]["baseBlob"]["tierToCool"]["daysAfterModificationGreaterThan"] = 30.0
    body["definition"]["actions"]["snapshot"] = None

    assert is_ours(dict(reversed(body.items())), NAME)


def test_a_rule_of_others_that_is_named_like_ours_stays_beside_ours_and_after_an_undo():
    theirs = [
        their_rule("finops-archive180", ("finance/monthly/",), delete={"daysAfterModificationGreaterThan": 2555}),
        their_rule(our_rule(("Cool", 30)).name, ("finance/yearly/",)),
    ]

    written = merged({"rules": copy.deepcopy(theirs[:1])}, [our_rule()], NAME)

    assert written["rules"] == [theirs[0], our_rule().body()]
    assert unmerged(written, NAME) == {"rules": theirs[:1]}
    assert unmerged({"rules": theirs}, NAME) == {"rules": theirs}
    assert not any(is_ours(each, NAME) for each in theirs)


def by_hand(change: str) -> dict[str, Any]:
    body = our_rule(("Cold", 60)).body()
    if change == "disabled":
        body["enabled"] = False
    elif change == "fewer prefixes":
        body["definition"]["filters"]["prefixMatch"] = ["data/a/"]
    else:
        body["definition"]["actions"]["baseBlob"]["tierToCold"]["daysAfterLastAccessTimeGreaterThan"] = 90
    return body


@pytest.mark.parametrize("change", ["disabled", "fewer prefixes", "later"])
def test_a_rule_of_ours_that_somebody_changed_is_theirs_and_nothing_is_set_against_it(change):
    existing = {"rules": [their_rule(), by_hand(change)]}

    assert changed(existing, NAME) == [our_rule(("Cold", 60)).name]
    assert unmerged(existing, NAME) == existing
    with pytest.raises(DataError, match=rf"{our_rule(('Cold', 60)).name} was set by tiering, and somebody changed it"):
        merged(existing, [our_rule(("Cool", 30))], NAME)


def test_nobody_changed_what_is_as_we_wrote_it_or_was_never_ours():
    assert changed({"rules": [our_rule().body(), their_rule("finops-archive180"), their_rule()]}, NAME) == []


def test_a_hundred_rules_fit_and_one_more_is_refused():
    full = {"rules": [their_rule(f"r{n}", (f"c{n:03d}/",)) for n in range(99)]}

    assert len(merged(full, [our_rule()], NAME)["rules"]) == 100
    with pytest.raises(DataError, match="101 rules; Azure takes 100"):
        merged(full, [our_rule(), our_rule(("Cool", 30))], NAME)


def test_ten_prefixes_fit_and_one_more_is_refused():
    many = tuple(f"data/{n}/" for n in range(11))

    assert merged(None, [our_rule(prefixes=many[:10])], NAME)
    with pytest.raises(DataError, match="11 prefixes; Azure takes 10"):
        merged(None, [our_rule(prefixes=many)], NAME)


@pytest.mark.parametrize("prefix", ["data", "/data/", "Data/x", "d/x", "data--x/y", "*/x", "", "data\n/x", "$logs/x"])
def test_a_prefix_that_does_not_begin_with_a_whole_containers_name_is_refused(prefix):
    with pytest.raises(DataError, match="has to begin with a container's name"):
        merged(None, [our_rule(prefixes=(prefix,))], NAME)


@pytest.mark.parametrize("prefix", ["data/", "data/50%/*?", "$root/a", "a-b/ünï/"])
def test_a_prefix_is_taken_as_it_is_written(prefix):
    written = merged(None, [our_rule(prefixes=(prefix,))], NAME)

    assert written["rules"][0]["definition"]["filters"]["prefixMatch"] == [prefix]


def test_a_rule_that_was_copied_to_another_account_is_not_ours_there():
    written = merged(None, [our_rule()], NAME)

    assert is_ours(written["rules"][0], f"/subscriptions/s/resourceGroups/g/providers/x/storageAccounts/{NAME.upper()}")
    assert unmerged(written, "other") == written
    with pytest.raises(DataError, match="or copied it here"):
        merged(written, [our_rule()], "other")


def test_what_we_write_is_what_the_storage_service_takes():
    rules = [our_rule(("Cool", 30), ("Cold", 60), ("Archive", 180)), our_rule(("Cold", 90), basis="modification")]

    assert checked(merged({"rules": [their_rule()]}, rules, NAME), ACCOUNT)


CLASHES = {
    "deleted 60 days into Archive": ({"delete": {"daysAfterLastAccessTimeGreaterThan": 240}}, "60 days after"),
    "deleted by another count": ({"delete": {"daysAfterModificationGreaterThan": 2000}}, "different days"),
    "brought back on reading": (
        {"enableAutoTierToHotFromCool": True, "tierToCool": {"daysAfterLastAccessTimeGreaterThan": 30}},
        "brings blobs back",
    ),
    "brought back": ({"tierToHot": {"daysAfterCreationGreaterThan": 1}}, "brings to Hot"),
    "cold for 10 days": ({"tierToCold": {"daysAfterLastAccessTimeGreaterThan": 170}}, "10 days after"),
    "of a new kind": ({"tierToCool": {"daysAfterFullMoonGreaterThan": 3}}, "not known"),
}


@pytest.mark.parametrize("case", CLASHES)
def test_a_rule_that_works_against_ours_is_named_and_nothing_is_written(case):
    base, reason = CLASHES[case]
    existing = {"rules": [their_rule("theirs", ("data/x/",), **base)]}

    with pytest.raises(DataError, match=rf"finops-archive180-\w+ and theirs: .*{reason}"):
        merged(existing, [our_rule(("Archive", 180))], NAME)


def test_a_rule_that_works_against_two_of_ours_for_one_reason_is_named_once():
    existing = {"rules": [their_rule("theirs", ("runs/",), tierToHot={"daysAfterCreationGreaterThan": 1})]}
    ours = [our_rule(("Cool", 30), prefixes=("runs/a/",)), our_rule(("Cold", 60), prefixes=("runs/",))]

    with pytest.raises(DataError) as fault:
        merged(existing, ours, NAME)

    assert fault.value.what == (
        "1 rule of the policy works against ours. "
        f"{ours[0].name}, {ours[1].name} and theirs: it brings to Hot what ours cools."
    )


@pytest.mark.parametrize(
    "theirs",
    [
        their_rule("elsewhere", ("data2/",), tierToHot={"daysAfterCreationGreaterThan": 1}),
        their_rule("off", ("data/",), tierToHot={"daysAfterCreationGreaterThan": 1}) | {"enabled": False},
        their_rule("in time", ("data/",), delete={"daysAfterLastAccessTimeGreaterThan": 360}),
        their_rule("first", ("data/",), delete={"daysAfterLastAccessTimeGreaterThan": 100}),
        their_rule("warmer", ("data/",), tierToCool={"daysAfterLastAccessTimeGreaterThan": 150}),
    ],
    ids=lambda rule: rule["name"],
)
def test_a_rule_that_does_not_get_in_the_way_stays_beside_ours(theirs):
    assert conflicts({"rules": [theirs]}, [our_rule(("Archive", 180))], NAME) == []


def test_a_rule_for_append_blobs_or_old_versions_alone_does_not_get_in_the_way():
    append = their_rule("append", ("data/",))
    append["definition"]["filters"]["blobTypes"] = ["appendBlob"]
    versions = their_rule("versions", ("data/",))
    versions["definition"]["actions"] = {"version": {"delete": {"daysAfterCreationGreaterThan": 7}}}

    assert conflicts({"rules": [append, versions]}, [our_rule(("Archive", 180))], NAME) == []


def test_a_rule_without_prefixes_meets_every_rule():
    everywhere = their_rule("everywhere", tierToHot={"daysAfterCreationGreaterThan": 1})
    del everywhere["definition"]["filters"]["prefixMatch"]

    assert [each.theirs for each in conflicts({"rules": [everywhere]}, [our_rule()], NAME)] == ["everywhere"]


def test_the_names_that_rules_get_are_known_as_ours():
    assert all(is_ours(rule.body(), NAME) for rule in (our_rule(), our_rule(("Cool", 7), ("Archive", 3650))))
