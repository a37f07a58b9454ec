"""`finops policy check`: what is wrong is named with its file, line and remedy, and stops nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from broken_policies import BROKEN
from click.testing import CliRunner, Result
from policy_files import CASES, EFFECT, account, body, parameter, rule, write

from finops.cli import cli
from finops.conditions import shipped_aliases
from finops.policy.check import check as check_content
from finops.policy.content import read
from finops.policy.positions import line_of


def check(*args: object) -> Result:
    return CliRunner().invoke(cli, ["policy", "check", *map(str, args)], catch_exceptions=False)


def found(folder: Path) -> list[Any]:
    (one,) = check_content(read(folder), mutate=False)
    return [*one.findings]


def test_a_sound_policy_passes(tmp_path: Path) -> None:
    result = check(write(tmp_path))

    assert result.exit_code == 0, result.output
    assert "passed" in result.output


def test_the_shipped_policies_pass() -> None:
    result = check("-o", "json")

    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert len(rows) == 13
    assert min(row["score"] for row in rows if row["score"] is not None) >= 95


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_rule_is_named_with_its_place_and_remedy(tmp_path: Path, what: str) -> None:
    definition, slug, place, part = BROKEN[what]

    findings = [each for each in found(write(tmp_path, definition)) if each.level == "error"]

    named = [each for each in findings if each.rule == slug and each.place == place]
    assert named, [str(each) for each in findings]
    assert part in f"{named[0].what} {named[0].fix}"
    assert named[0].fix
    assert check(tmp_path, "--no-mutations").exit_code == 1


def test_a_rule_that_is_not_json_is_named_with_its_line_and_the_others_still_run(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, '{\n  "mode": "All",\n  "policyRule": {,}\n}', name="broken")

    result = check(tmp_path)

    assert result.exit_code == 1
    assert f"{tmp_path}/broken/azurepolicy.json:3: error: is not JSON" in result.output
    assert "old-accounts" in result.output.split("FAILED")[1]
    assert "1 of 2 failed: broken" in result.output


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("old", account(), "<case>-<expected>.json"),
        ("old-denied", account(), "one of deny, audit"),
        ("old-audit", "{", "is not JSON"),
        ("old-audit", [], "not an object"),
        ("old-audit", {"kind": "Storage"}, "has no type"),
        ("old-audit", {"resource": account(), "expect": 1}, "has 'expect'"),
        ("old-audit", {"resource": account(), "now": "yesterday"}, "now is 'yesterday'"),
        ("old-audit", {"resource": account(), "related": {}}, "list of resources"),
        ("notes.txt", "hello", "<case>-<expected>.json"),
    ],
)
def test_a_wrong_case_is_named_and_the_others_still_run(tmp_path: Path, name: str, content: Any, part: str) -> None:
    folder = write(tmp_path, cases={**CASES, "old-audit": account(), name: content})

    result = check(folder)

    assert result.exit_code == 1
    assert part in result.output
    assert "[case]" in result.output


def test_a_case_that_gives_a_value_that_is_not_allowed_fails_alone(tmp_path: Path) -> None:
    wrong = {"resource": account(), "parameters": {"effect": "Dney"}}

    result = check(write(tmp_path, cases={**CASES, "typo-deny": wrong}))

    assert result.exit_code == 1
    assert "typo-deny.json: parameters.effect is 'Dney'" in result.output.replace('"', "'")


def test_a_case_that_is_decided_otherwise_says_why(tmp_path: Path) -> None:
    result = check(write(tmp_path, cases={**CASES, "new-audit": account("StorageV2")}))

    assert result.exit_code == 1
    assert "new-audit.json: expected audit, decided none" in result.output
    assert 'no  field "kind" equals "Storage"  (it is "StorageV2")' in result.output


def test_cases_that_would_not_notice_a_change_fail_and_say_which(tmp_path: Path) -> None:
    weak = {"old-audit": account(), "new-none": account("StorageV2")}

    result = check(write(tmp_path, cases=weak))

    assert result.exit_code == 1
    assert "not noticed: policyRule.if.allOf[0]: was left out" in result.output
    assert check(tmp_path, "--least", 50).exit_code == 0


def test_a_policy_without_cases_fails(tmp_path: Path) -> None:
    result = check(write(tmp_path, cases={}))

    assert result.exit_code == 1
    assert "has no case in which it applies" in result.output


def test_warnings_fail_only_when_asked(tmp_path: Path) -> None:
    bare = {"type": "String", "defaultValue": "Audit", "allowedValues": ["Audit", "Deny"]}
    folder = write(tmp_path, body(parameters={"effect": bare}))

    assert check(folder, "--no-mutations").exit_code == 0
    assert check(folder, "--no-mutations", "--strict").exit_code == 1


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    result = check(tmp_path)

    assert result.exit_code == 1
    assert "holds no policy" in result.output
    assert check(tmp_path / "nowhere").exit_code == 2


def test_junit_has_a_test_for_each_case_and_the_failures(tmp_path: Path) -> None:
    write(tmp_path, cases={**CASES, "new-audit": account("StorageV2\x1b<&")})

    check(tmp_path, "--junit", tmp_path / "out.xml")

    root = Xml.parse(tmp_path / "out.xml").getroot()
    names = [case.get("name") for case in root.iter("testcase")]
    assert names == [*sorted([*CASES, "new-audit"]), "lint"]
    assert root.get("failures") == "1"
    (failure,) = root.iter("failure")
    assert "<&" in str(failure.text)


def test_github_gets_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path, body(parameters={"effect": EFFECT, "sizes": parameter("x")}))
    monkeypatch.chdir(tmp_path)

    lines = check(folder, "--github", "--no-mutations").stdout.splitlines()

    (error,) = [line for line in lines if line.startswith("::error")]
    text = (folder / "azurepolicy.json").read_text("utf-8").splitlines()
    line = text.index('    "sizes": {') + 1
    assert error.startswith(
        f"::error file=old-accounts/azurepolicy.json,line={line},title=old-accounts%3A unused-parameter::"
    )


def test_github_cannot_be_told_something_else_by_a_name(tmp_path: Path) -> None:
    folder = write(tmp_path, body(parameters={"effect": EFFECT, "x\n::warning::owned": parameter("x")}))

    lines = check(folder, "--github", "--no-mutations").stdout.splitlines()

    assert not [line for line in lines if line.startswith("::warning::owned")]


@pytest.mark.parametrize(
    ("place", "line"),
    [("policyRule.if.allOf[1]", 5), ("POLICYRULE.IF", 3), ("policyRule.if.allOf[7].field", 3), ("nowhere", 1)],
)
def test_a_place_is_found_on_its_line(place: str, line: int) -> None:
    text = '{\n "policyRule": {\n  "if": {"allOf": [\n   {"a": [1, "]"]},\n   {"b": "\\"}"}\n ]}}}'

    assert line_of(text, place) == line


INITIATIVE = {
    "displayName": "All",
    "description": "Everything.",
    "parameters": {"effect": EFFECT},
    "policyDefinitions": [
        {
            "policyDefinitionReferenceId": "a",
            "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/old-accounts",
            "parameters": {"effect": {"value": "[parameters('effect')]"}},
        }
    ],
}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda it: it["parameters"].update(more=parameter("x")), "is handed to no member"),
        (
            lambda it: it["policyDefinitions"][0].update(policyDefinitionId="/providers/x/old-acounts"),
            "has no folder here",
        ),
        (
            lambda it: it["policyDefinitions"][0]["parameters"].update(sizes={"value": 1}),
            "is no parameter of old-accounts",
        ),
        (lambda it: it["parameters"]["effect"].update(defaultValue="Modify", allowedValues=["Modify"]), "does not fit"),
        (
            lambda it: it["policyDefinitions"][0]["parameters"].update(effect={"value": "[parameters('x')]"}),
            "does not declare",
        ),
        (lambda it: it.pop("description"), "description is missing"),
    ],
)
def test_a_broken_initiative_is_named(tmp_path: Path, change: Any, part: str) -> None:
    write(tmp_path)
    initiative = json.loads(json.dumps(INITIATIVE))
    (tmp_path / "all").mkdir()
    (tmp_path / "all/azurepolicyset.json").write_text(json.dumps(initiative), "utf-8")
    assert check(tmp_path).exit_code == 0

    change(initiative)
    (tmp_path / "all/azurepolicyset.json").write_text(json.dumps(initiative), "utf-8")

    result = check(tmp_path)
    assert result.exit_code == 1
    assert part in result.output


def test_a_whole_table_of_aliases_can_be_given(tmp_path: Path) -> None:
    kind = "Microsoft.Sql/servers"
    definition = body(policyRule=rule({"field": f"{kind}/state", "equals": "Off"}))
    cases = {
        "off-audit": {"type": kind, "properties": {"state": "Off"}},
        "on-none": {"type": kind, "properties": {"state": "On"}},
        "denied-where-wanted-deny": {"resource": {"type": kind, "properties": {"state": "Off"}},
                                     "parameters": {"effect": "Deny"}},
    }  # fmt: skip
    folder = write(tmp_path, definition, cases)
    (tmp_path / "aliases.csv").write_text(f"{kind}/state,properties.state\n", "utf-8")

    assert check(folder).exit_code == 1
    result = check(folder, "--aliases", tmp_path / "aliases.csv")

    assert result.exit_code == 0, result.output
    assert shipped_aliases().named(f"{kind}/state") == []
