"""Rules read from a folder: what a site may set, and how each mistake is told."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from finops import janitor
from finops.cli.janitor_rules import check
from finops.config import folder
from finops.config.model import FolderSettings, JanitorSettings, RuleSettings, Settings
from finops.errors import FinopsError
from finops.janitor import Quiet, Rule

RULE: dict[str, Any] = {
    "title": "Instance that idles",
    "why": "{name} has done nothing for {facts.idleHours:hour}; we ask after {parameters.hours}.",
    "parameters": {"hours": {"type": "Integer", "defaultValue": 12, "metadata": {"description": "Hours."}}},
    "if": {
        "allOf": [
            {"field": "type", "equals": "Microsoft.MachineLearningServices/workspaces/computes"},
            {"field": "properties.computeType", "equals": "ComputeInstance"},
            {"field": "facts.idleHours", "greaterOrEquals": "[parameters('hours')]"},
        ]
    },
    "then": {"action": "delete", "graceDays": 3, "runs": 2, "quiet": {"action": "stop", "days": 7}},
}


def put(place: str, value: Any) -> dict[str, Any]:
    """The rule with one thing changed; None takes it out."""
    rule = copy.deepcopy(RULE)
    *above, last = place.split("/")
    node: Any = rule
    for step in above:
        node = node[int(step)] if isinstance(node, list) else node[step]
    at: Any = int(last) if isinstance(node, list) else last
    if value is None:
        del node[at]
    else:
        node[at] = value
    return rule


def write(root: Path, name: str, body: Any) -> Path:
    file = root / name / "rule.json"
    file.parent.mkdir(parents=True)
    file.write_text(body if isinstance(body, str) else json.dumps(body), "utf-8")
    return root


def one(root: Path, settings: JanitorSettings | None = None, body: Any = RULE) -> Rule:
    [rule] = janitor.rules(write(root, "idle", body), settings)
    return rule


def test_a_rule_is_read_with_its_defaults(tmp_path: Path):
    rule = one(tmp_path)

    assert (rule.name, rule.type, rule.kind) == (
        "idle",
        "microsoft.machinelearningservices/workspaces/computes",
        "computeinstance",
    )
    assert (rule.action, rule.grace_days, rule.persist_runs, rule.quiet) == ("delete", 3, 2, Quiet("stop", 7))
    assert (dict(rule.parameters), rule.risk, rule.mode) == ({"hours": 12}, "low", "list")


def test_a_site_sets_mode_parameters_grace_runs_and_quiet_days(tmp_path: Path):
    own = RuleSettings(mode="act", parameters={"hours": 48}, grace_days=9, persist_runs=4, quiet_days=14)

    rule = one(tmp_path, JanitorSettings(rules={"idle": own}))

    assert (rule.mode, rule.parameters["hours"], rule.grace_days) == ("act", 48, 9)
    assert (rule.persist_runs, rule.quiet) == (4, Quiet("stop", 14))


def test_no_quiet_days_means_no_quiet_step(tmp_path: Path):
    assert one(tmp_path, JanitorSettings(rules={"idle": RuleSettings(quiet_days=0)})).quiet is None


def test_the_mode_of_all_rules_holds_where_a_rule_has_none(tmp_path: Path):
    assert one(tmp_path, JanitorSettings(mode="ask")).mode == "ask"


@pytest.mark.parametrize(
    "own",
    [
        RuleSettings(parameters={"hours": 13}),
        RuleSettings(grace_days=4),
        RuleSettings(persist_runs=3),
        RuleSettings(quiet_days=8),
    ],
    ids=["parameters", "grace", "runs", "quiet"],
)
def test_the_digest_moves_with_what_an_approver_relies_on(tmp_path: Path, own: RuleSettings):
    before = one(tmp_path / "a").digest

    assert one(tmp_path / "b", JanitorSettings(rules={"idle": own})).digest != before


@pytest.mark.parametrize(
    "change", [("why", "Otherwise."), ("then/risk", "high"), ("if/allOf/2/greaterOrEquals", 12)], ids=lambda it: it[0]
)
def test_the_digest_moves_with_the_file(tmp_path: Path, change: tuple[str, Any]):
    assert one(tmp_path / "a").digest != one(tmp_path / "b", None, put(*change)).digest


def test_the_digest_stays_with_the_mode_and_with_a_default_that_is_said(tmp_path: Path):
    same = JanitorSettings(rules={"idle": RuleSettings(mode="act", parameters={"hours": 12})})

    assert one(tmp_path / "a").digest == one(tmp_path / "b", same).digest


def test_how_many_images_stay_is_said_once_for_the_whole_janitor():
    [rule] = [
        each for each in janitor.rules(folder("janitor"), JanitorSettings(keep_newest=7)) if each.name == "image-stale"
    ]

    assert rule.parameters["keepnewest"] == 7


def test_rules_of_the_sites_folder_win_by_name_and_the_others_stay(tmp_path: Path):
    write(tmp_path, "instance-idle", RULE)
    settings = Settings(folders=FolderSettings(janitor=tmp_path))

    found = {rule.name: rule for rule in janitor.rules(janitor.folders(settings))}

    assert found["instance-idle"].title == RULE["title"]
    assert set(found) == set(janitor.names(folder("janitor")))


@pytest.mark.parametrize(
    ("body", "said", "fix"),
    [
        ("{", "is not JSON", "Mend it there"),
        ('{"title": "a", "title": "b"}', "has 'title' twice", "Keep one"),
        ([], "is array", "README"),
        (put("why", None), "why is missing", "to the owner"),
        (put("why", "  "), "why is", "to the owner"),
        (put("title", None), "title is missing", "kind of waste"),
        (put("if", None), "if is missing", "README"),
        (put("then", "delete"), "then is text", "README"),
        (put("wy", "x"), "wy is nothing that a rule has", "Did you mean 'why'?"),
        (put("then/graceDay", 3), "then.graceDay is nothing", "Did you mean 'graceDays'?"),
        (put("then/action", "delte"), "then.action is \"delte\"", "Did you mean 'delete'?"),
        (put("then/action", None), "then.action is missing", "Write one of stop"),
        (put("then/action", "archive"), "cannot be done to", "stop or scaleToZero or delete"),
        (put("then", {"action": "scaleToZero", "graceDays": 1}), "of the kind amlcompute only", "AmlCompute"),
        (put("then/graceDays", -1), "then.graceDays is -1", "working days"),
        (put("then/graceDays", "3"), "then.graceDays is \"3\"", "working days"),
        (put("then/runs", 0), "then.runs is 0", "in a row"),
        (put("then/risk", "medium"), "then.risk is \"medium\"", "low, high"),
        (put("then/quiet", "stop"), "then.quiet is text", "traffic0"),
        (put("then/quiet/action", "traffic0"), "no quiet step", "minNodes0 or stop"),
        (put("then/quiet/days", 0), "then.quiet.days is 0", "how many days"),
        (put("if/allOf/2", {"field": "facts.idleHours", "greaterOrEqual": 3}), "greaterOrEqual", "greaterOrEquals"),
        (put("if/allOf/2/field", "facts.idleHour"), "'idleHour', which nothing measures", "Did you mean 'idleHours'?"),
        (put("if/allOf/2/field", "facts.traffic"), "'traffic', which nothing measures", "Facts: "),
        (put("if/allOf/2/greaterOrEquals", "[parameters('hour')]"), "'hour'", "Did you mean 'hours'?"),
        (put("if/allOf/0", None), "does not say what it is about", '"field": "type"'),
        (put("if/allOf/0/equals", "Microsoft.Storage/storageAccounts"), "no action", "Types are"),
        (put("parameters/hours/defaultValue", "x"), "no whole number", "Give it"),
        (put("parameters/hours/defaultValue", None), "has no value", "defaultValue"),
        (put("why", "{facts.idleHour}"), "{facts.idleHour}, which stands for nothing", "Did you mean 'idleHours'?"),
        (put("why", "{parameters.days}"), "{parameters.days}, which stands for nothing", "hours"),
        (put("why", "{owner}"), "{owner}, which stands for nothing", "workspace"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)  # fmt: skip
def test_a_wrong_rule_is_refused_with_file_place_and_remedy(tmp_path: Path, body: Any, said: str, fix: str):
    with pytest.raises(FinopsError) as fault:
        one(tmp_path, None, body)

    assert str(tmp_path / "idle" / "rule.json") in fault.value.what
    assert said in fault.value.what
    assert fix in fault.value.fix


def test_a_folder_without_its_rule_is_refused_and_not_left_out(tmp_path: Path):
    (tmp_path / "idle").mkdir()
    (tmp_path / "idle" / "rules.json").write_text("{}")

    with pytest.raises(FinopsError, match=r"has no rule\.json"):
        janitor.rules(tmp_path)


def test_settings_for_a_rule_that_is_none_are_refused(tmp_path: Path):
    with pytest.raises(FinopsError) as fault:
        one(tmp_path, JanitorSettings(rules={"idel": RuleSettings(mode="off")}))

    assert "'idel', which is no rule" in fault.value.what
    assert "Did you mean 'idle'?" in fault.value.fix


def test_a_parameter_that_a_rule_does_not_have_is_refused(tmp_path: Path):
    with pytest.raises(FinopsError, match=r"does not declare 'hour'") as fault:
        one(tmp_path, JanitorSettings(rules={"idle": RuleSettings(parameters={"hour": 3})}))

    assert "janitor.rules.idle" in fault.value.what


def told(root: Path, *args: str) -> Result:
    return CliRunner().invoke(check, [str(root), *args], catch_exceptions=False)


def test_a_rule_is_added_by_copying_a_folder_and_editing_json(tmp_path: Path):
    """What janitor/README.md says: no Python."""
    shutil.copytree(folder("janitor") / "endpoint-without-requests", tmp_path / "workshop-endpoint")
    for file in (tmp_path / "workshop-endpoint").rglob("*.json"):
        body = json.loads(file.read_text("utf-8"))
        if file.name == "rule.json":
            body["if"]["allOf"].insert(1, {"field": "tags.Purpose", "equals": "workshop"})
        else:
            body["resource"].setdefault("tags", {})["Purpose"] = "workshop"
        file.write_text(json.dumps(body), "utf-8")
    other = json.loads((tmp_path / "workshop-endpoint/tests/silent-for-two-weeks-waste.json").read_text("utf-8"))
    other["resource"]["tags"] = {"Purpose": "shop"}
    (tmp_path / "workshop-endpoint/tests/not-a-workshop-kept.json").write_text(json.dumps(other), "utf-8")

    result = told(tmp_path, "--strict")

    assert result.exit_code == 0, result.output
    assert "workshop-endpoint" in result.output
    assert [rule.name for rule in janitor.rules(tmp_path)] == ["workshop-endpoint"]


def test_a_change_that_no_case_notices_fails_the_check(tmp_path: Path):
    shutil.copytree(folder("janitor") / "instance-idle", tmp_path / "instance-idle")
    (tmp_path / "instance-idle/tests/idle-for-11-hours-kept.json").unlink()
    (tmp_path / "instance-idle/tests/in-use-kept.json").unlink()

    result = told(tmp_path, "--least", "100")

    assert result.exit_code == 1
    assert "not noticed: parameters.hours.defaultValue: 12 became 11" in result.output


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("idle-wast", {}, "does not say in its name what is expected"),
        ("idle-waste", {"resource": {"id": "/x"}}, "no id or no type"),
        ("idle-waste", {"facts": {}}, "has no resource"),
        ("idle-waste", {"resource": {"id": "/x", "type": "y"}, "fact": {}}, "has 'fact'"),
    ],
)
def test_a_case_that_cannot_be_understood_is_told_with_its_file(tmp_path: Path, name: str, body: Any, said: str):
    shutil.copytree(folder("janitor") / "instance-idle", tmp_path / "instance-idle")
    (tmp_path / "instance-idle/tests" / f"{name}.json").write_text(json.dumps(body), "utf-8")

    result = told(tmp_path, "--no-mutations")

    assert result.exit_code == 1
    assert f"{name}.json" in result.output.replace("\n", "")
    assert said in " ".join(result.output.split())


def test_a_case_that_decides_otherwise_is_told_with_the_reason(tmp_path: Path):
    shutil.copytree(folder("janitor") / "instance-idle", tmp_path / "instance-idle")
    tests = tmp_path / "instance-idle/tests"
    (tests / "in-use-kept.json").rename(tests / "in-use-waste.json")

    result = told(tmp_path)

    assert result.exit_code == 1
    assert "expected waste, decided kept" in result.output
    assert 'no  field "facts.idleHours" greaterOrEquals 12  (it is 0)' in result.output


def test_a_fact_in_a_case_that_nothing_measures_is_told(tmp_path: Path):
    shutil.copytree(folder("janitor") / "instance-idle", tmp_path / "instance-idle")
    file = tmp_path / "instance-idle/tests/in-use-kept.json"
    file.write_text(file.read_text("utf-8").replace('"idleHours"', '"idleHour"'), "utf-8")

    assert "tells the fact 'idleHour', which nothing measures" in " ".join(told(tmp_path).output.split())


def test_each_fact_needs_a_case_in_which_it_is_not_known(tmp_path: Path):
    shutil.copytree(folder("janitor") / "instance-idle", tmp_path / "instance-idle")
    (tmp_path / "instance-idle/tests/idle-unknown-unknown.json").unlink()

    result = told(tmp_path)

    assert result.exit_code == 1
    assert "facts.idleHours, which no case leaves unknown" in " ".join(result.output.split())


def test_a_rule_that_cannot_be_read_stops_no_other(tmp_path: Path):
    shutil.copytree(folder("janitor") / "instance-idle", tmp_path / "instance-idle")
    write(tmp_path, "broken", put("then/action", "delte"))

    result = told(tmp_path)

    assert result.exit_code == 1
    assert "then.action is" in " ".join(result.output.split())
    assert "instance-idle" in result.output
