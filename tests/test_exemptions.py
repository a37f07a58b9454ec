"""Exemptions: what a tag or a file says, until when it holds, and what happens to one that cannot be understood."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from finops.errors import ConfigError
from finops.estate import Estate, Gap, Known, Resource
from finops.exemptions import Exemptions, by_file, by_tag, of_tag

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
GROUP = "/subscriptions/1111/resourceGroups/rg-ml"
CLUSTER = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ml/computes/gpu"


def tag(value: object, owner: str = "ana@contoso.com"):
    return of_tag(CLUSTER, value, owner, NOW, 366)


def file(folder: Path, text: str) -> list:
    path = folder / "exemptions.yaml"
    path.write_text(text, "utf-8")
    return by_file(path, NOW, 366)


def test_a_tag_gives_end_and_reason():
    found = tag("2026-12-31; training the summer model")

    assert (found.until, found.reason, found.problem) == (date(2026, 12, 31), "training the summer model", "")


def test_a_reason_may_hold_semicolons():
    assert tag("2026-12-31;a;b").reason == "a;b"


def test_it_holds_to_the_end_of_its_last_day_and_no_longer():
    found = tag("2026-12-31;why")

    assert found.holds(datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    assert not found.holds(datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("value", ["", "please", "2026-02-30;why", "31.12.2026;why", ";why", "forever;why", None, 3])
def test_a_tag_without_a_day_still_keeps_and_says_so(value: object):
    found = tag(value)

    assert found.holds(datetime(2099, 1, 1, tzinfo=UTC))
    assert "end" in found.problem


def test_a_tag_without_reason_keeps_until_its_end_and_says_so():
    found = tag("2026-12-31")

    assert (found.until, "no reason" in found.problem) == (date(2026, 12, 31), True)


def test_an_exemption_of_which_nobody_is_the_owner_says_so():
    assert "nobody is known" in tag("2026-12-31;why", owner="").problem


def test_an_end_too_far_away_is_a_problem():
    assert "more than 366 days" in tag("9999-12-31;why").problem


def test_the_tag_is_found_in_any_letter_case_and_its_owner_is_the_owner_tag():
    body = {"id": CLUSTER, "tags": {"FinOps:Keep": "2026-12-31;why", "owner": "ben@contoso.com"}}

    [found] = by_tag([Resource(CLUSTER, body), Resource(GROUP, {"id": GROUP, "tags": None})], NOW, 366)

    assert (found.scope, found.owner) == (CLUSTER, "ben@contoso.com")


def test_an_exemption_covers_what_is_below_its_scope_and_no_namesake():
    exemptions = Exemptions([of_tag(GROUP, "2026-12-31;why", "a@b.c", NOW, 366)])

    assert exemptions.keeping(CLUSTER.upper(), "spot", NOW)
    assert not exemptions.keeping(CLUSTER.replace("rg-ml", "rg-ml-2"), "spot", NOW)


def test_an_exemption_by_file_may_be_from_one_rule_only(tmp_path: Path):
    text = f"exemptions:\n- scope: {GROUP}\n  owner: a@b.c\n  reason: why\n  until: 2026-12-31\n  rules: [spot]\n"
    exemptions = Exemptions(file(tmp_path, text))

    assert exemptions.keeping(CLUSTER, "spot", NOW)
    assert not exemptions.keeping(CLUSTER, "tags", NOW)


def test_a_keep_that_names_no_rule_keeps_from_all_of_them():
    keeps = Exemptions([tag("2026-12-31;why")])

    assert all(keeps.keeping(CLUSTER, rule, NOW) for rule in ("spot", "scale", "tags", "cluster-unused"))


def test_an_entry_may_name_every_rule_that_is_known(tmp_path: Path):
    text = f"exemptions:\n- scope: {GROUP}\n  owner: a@b.c\n  reason: why\n  until: 2026-12-31\n  rules: [idle]\n"
    (tmp_path / "exemptions.yaml").write_text(text, "utf-8")

    [known] = by_file(tmp_path / "exemptions.yaml", NOW, 366, ("spot", "idle"))
    [misspelt] = by_file(tmp_path / "exemptions.yaml", NOW, 366, ("spot", "ideal"))

    assert (known.rules, known.problem) == (("idle",), "")
    assert misspelt.rules == ()
    assert "rules is ['idle'], but the rules are spot, ideal" in misspelt.problem


def test_an_entry_that_lacks_everything_but_its_scope_still_keeps_and_says_what_it_lacks(tmp_path: Path):
    [found] = file(tmp_path, f"exemptions:\n- scope: {GROUP}\n  untill: 2026-12-31\n  rules: [everything]\n")

    assert found.holds(NOW)
    assert found.rules == ()
    for lack in ("'untill' is not a key", "no end", "no reason", "no owner", "the rules are"):
        assert lack in found.problem


@pytest.mark.parametrize("scope", ["", "rg-ml", "/subscriptions", "[1]", f"{GROUP}/providers"])
def test_an_entry_whose_scope_is_none_ends_the_run(tmp_path: Path, scope: str):
    with pytest.raises(ConfigError, match="entry 1: its scope is not an ARM id"):
        file(tmp_path, f"exemptions:\n- scope: '{scope}'\n  until: 2026-12-31\n")


@pytest.mark.parametrize("text", ["exemptions: [", "- a", "exemptions: yes", "exempt: []"])
def test_a_file_that_cannot_be_understood_ends_the_run_and_is_named(tmp_path: Path, text: str):
    with pytest.raises(ConfigError, match=r"exemptions\.yaml"):
        file(tmp_path, text)


def test_a_file_that_is_not_there_ends_the_run(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        by_file(tmp_path / "none.yaml", NOW, 366)


def test_an_empty_file_exempts_nothing(tmp_path: Path):
    assert file(tmp_path, "") == []


def test_they_are_listed_with_what_they_keep_costs_and_those_that_end_first_before():
    estate = Estate(
        NOW,
        {
            GROUP.lower(): Resource(GROUP, {"id": GROUP}, {"costLast30Days": Known(Decimal("12.5"), NOW)}),
            CLUSTER.lower(): Resource(CLUSTER, {"id": CLUSTER}),
        },
    )
    exemptions = Exemptions(
        [
            of_tag(GROUP, "2027-03-01;why", "a@b.c", NOW, 366),
            of_tag(CLUSTER, "2026-11-30;why", "a@b.c", NOW, 366),
            of_tag(CLUSTER, "2026-11-01;why", "a@b.c", NOW, 366),
            of_tag(CLUSTER, "soon", "a@b.c", NOW, 366),
        ]
    )

    listed = exemptions.listed(estate, NOW, 14)

    assert [(one.status, one.cost, one.covers) for one in listed] == [
        ("malformed", None, 1),
        ("expired", None, 1),
        ("expiring", None, 1),
        ("in force", Decimal("12.5"), 2),
    ]


def test_one_whose_scope_is_not_in_a_complete_estate_covers_nothing():
    estate = Estate(NOW, {GROUP.lower(): Resource(GROUP, {"id": GROUP})})
    exemptions = Exemptions([of_tag(f"{GROUP}x", "2027-03-01;why", "a@b.c", NOW, 366)])

    [listed] = exemptions.listed(estate, NOW, 14)

    assert (listed.status, listed.covers) == ("covers nothing", 0)


def test_what_was_not_read_may_be_what_an_exemption_covers():
    estate = Estate(NOW, {}, (Gap(GROUP, "Microsoft.ResourceGraph/resources", "403"),))
    exemptions = Exemptions([of_tag(CLUSTER, "2027-03-01;why", "a@b.c", NOW, 366)])

    [listed] = exemptions.listed(estate, NOW, 14)

    assert listed.status == "in force"
