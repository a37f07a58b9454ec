"""`finops policy evaluate`: what would happen to what people are about to create, in each form that they write."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from policy_files import COMPUTES, write

from finops.cli import cli
from finops.config import folder
from finops.policy.content import read
from finops.policy.evaluate import Rules
from finops.policy.inputs import Place, read_file

WORKSPACE = "/subscriptions/s1/resourceGroups/rg-vision/providers/Microsoft.MachineLearningServices/workspaces/w"
CLUSTER = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/amlCompute.schema.json",
    "name": "gpu-dev", "type": "amlcompute", "size": "Standard_NC6s_v3", "min_instances": 0, "max_instances": 4,
    "idle_time_before_scale_down": 120, "tags": {"Environment": "dev", "CostCenter": "vision"},
}  # fmt: skip
LISTS = {"costCenters": ["vision"], "approvedCostCenters": ["vision"]}
TOLD = ("--group", "rg-vision", "--group-tag", "-", "--subscription", "s1", "--subscription-tag", "-")


def evaluate(*args: object) -> Result:
    return CliRunner().invoke(cli, ["policy", "evaluate", *map(str, args)], catch_exceptions=False)


def saved(tmp_path: Path, name: str, content: Any) -> Path:
    file = tmp_path / name
    text = content if isinstance(content, str) else json.dumps(content)
    file.write_text(text, "utf-8")
    return file


def verdicts(*args: object) -> dict[str, str]:
    """The verdict of each policy; of several resources, "name policy"."""
    rows = json.loads(evaluate(*args, "-o", "json").stdout)
    many = len({row["source"] for row in rows}) > 1
    return {f"{row['name']} {row['policy']}" if many else row["policy"]: row["verdict"] for row in rows}


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    return saved(tmp_path, "guard.yaml", LISTS)


def test_a_dedicated_dev_cluster_is_denied_with_the_message_and_why(tmp_path: Path) -> None:
    result = evaluate(saved(tmp_path, "gpu.yml", CLUSTER), "--policy", "dev-clusters-are-spot")

    assert result.exit_code == 1
    assert "denied by dev-clusters-are-spot" in result.output
    assert "tier: low_priority" in result.output
    assert "yes vmPriority is none of LowPriority, Spot (there is none)" in result.output
    assert "yes tag Environment is one of devEnvironments: dev, development, sandbox (it is dev)" in result.output


def test_the_same_cluster_on_spot_nodes_is_fine(tmp_path: Path, lists: Path) -> None:
    file = saved(tmp_path, "gpu.yml", {**CLUSTER, "tier": "low_priority"})

    result = evaluate(file, "--parameters", lists, *TOLD)

    assert result.exit_code == 0, result.output
    assert "0 denied, 0 changed, 0 audited, 0 not evaluated, 12 fine" in result.stderr


def test_what_is_not_told_is_asked_for_and_never_fine(tmp_path: Path) -> None:
    file = saved(tmp_path, "gpu.yml", {**CLUSTER, "tags": {}})

    result = evaluate(file, "--policy", "dev-clusters-are-spot")

    assert result.exit_code == 20
    assert "resourceGroup().tags is not known. Say what its resource group's tags are: --group-tag" in result.output
    assert "--subscription-tag" in result.output


def test_a_group_name_can_decide(tmp_path: Path) -> None:
    file = saved(tmp_path, "gpu.yml", {**CLUSTER, "tags": {}})

    assert evaluate(file, "--policy", "dev-clusters-are-spot", "--group", "rg-vision-dev").exit_code == 1


def test_a_list_that_nobody_gave_leaves_open_only_what_asks_for_it(tmp_path: Path) -> None:
    gpu, cpu = saved(tmp_path, "gpu.yml", CLUSTER), saved(tmp_path, "cpu.yml", {**CLUSTER, "size": "Standard_DS3_v2"})

    asked = "gpu-in-approved-cost-centers"

    assert verdicts(gpu, "--policy", asked) == {asked: "not evaluated"}
    assert verdicts(cpu, "--policy", asked) == {asked: "fine"}
    assert "approvedCostCenters has no value. Give it a value: --parameters FILE." in evaluate(gpu).output


def test_what_modify_adds_is_there_when_the_others_are_asked_as_in_azure(tmp_path: Path, lists: Path) -> None:
    file = saved(tmp_path, "gpu.yml", {**CLUSTER, "tier": "low_priority", "tags": {"Environment": "dev"}})
    place = (
        "--group",
        "rg-vision",
        "--group-tag",
        "CostCenter=Vision",
        "--subscription",
        "s1",
        "--subscription-tag",
        "-",
    )

    found = verdicts(file, "--parameters", lists, *place)

    assert found["cost-center-inherited"] == "changed"
    assert found["cost-center-spelling"] == "changed"
    assert found["cost-center-on-resources"] == "fine"
    assert "tags['CostCenter']: nothing -> Vision" in evaluate(file, "--parameters", lists, *place).output


def test_an_initiatives_parameters_reach_its_members(tmp_path: Path) -> None:
    file = saved(tmp_path, "gpu.yml", {**CLUSTER, "idle_time_before_scale_down": 1800})
    longer = saved(tmp_path, "longer.yaml", {"maxClusterIdleMinutes": 30})

    assert verdicts(file, "--policy", "clusters-scale-to-zero") == {"clusters-scale-to-zero": "denied"}
    assert verdicts(file, "--policy", "clusters-scale-to-zero", "--parameters", longer) == {
        "clusters-scale-to-zero": "fine"
    }


def arm(name: str = "gpu", **inner: Any) -> dict[str, Any]:
    made = {"vmSize": "STANDARD_DS3_V2", "vmPriority": "Dedicated", **inner}
    return {"id": f"{WORKSPACE}/computes/{name}", "name": name, "type": COMPUTES, "location": "westeurope",
            "tags": {"Environment": "dev"},
            "properties": {"computeType": "AmlCompute", "properties": made}}  # fmt: skip


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: [body], lambda body: {"value": [body]}])
def test_arm_json_is_read_alone_in_a_list_and_as_a_page(tmp_path: Path, wrap: Any) -> None:
    file = saved(tmp_path, "gpu.json", wrap(arm()))

    assert verdicts(file, "--policy", "dev-clusters-are-spot") == {"dev-clusters-are-spot": "denied"}


@pytest.mark.parametrize(
    "change", [{"properties": None}, {"tags": None}, {"properties": {"computeType": "AmlCompute"}}]
)
def test_what_azure_leaves_null_while_it_creates_is_no_fault(tmp_path: Path, change: dict[str, Any]) -> None:
    file = saved(tmp_path, "gpu.json", {**arm(), **change})

    result = evaluate(file, "--policy", "clusters-scale-to-zero", *TOLD)

    assert result.exit_code == 0, result.output


def planned(kind: str, after: dict[str, Any], unknown: Any = None, name: str = "x") -> dict[str, Any]:
    change = {"actions": ["create"], "after": after, "after_unknown": unknown or {}}
    return {"address": f"{kind}.{name}", "mode": "managed", "type": kind, "change": change}


def plan(*changes: dict[str, Any]) -> dict[str, Any]:
    return {"format_version": "1.2", "terraform_version": "1.9.0", "resource_changes": list(changes)}


TERRAFORM_CLUSTER = {
    "name": "gpu", "vm_size": "Standard_DS3_v2", "vm_priority": "Dedicated", "location": "westeurope",
    "machine_learning_workspace_id": WORKSPACE, "tags": {"Environment": "dev"},
    "scale_settings": [{"min_node_count": 1, "max_node_count": 4, "scale_down_nodes_after_idle_duration": "PT30S"}],
}  # fmt: skip


def test_a_terraform_plan_is_read_as_azurerm_would_send_it(tmp_path: Path) -> None:
    change = planned("azurerm_machine_learning_compute_cluster", TERRAFORM_CLUSTER)

    found = verdicts(saved(tmp_path, "plan.json", plan(change)))

    assert found["dev-clusters-are-spot"] == "denied"
    assert found["clusters-scale-to-zero"] == "denied"


@pytest.mark.parametrize("as_text", [True, False])
def test_azapi_bodies_are_read_as_text_and_as_objects(tmp_path: Path, as_text: bool) -> None:
    inner = {"properties": {"computeType": "ComputeInstance", "properties": {"vmSize": "Standard_DS3_v2"}}}
    after = {"type": f"{COMPUTES}@2024-04-01", "name": "ci", "parent_id": WORKSPACE,
             "body": json.dumps(inner) if as_text else inner}  # fmt: skip

    found = verdicts(saved(tmp_path, "plan.json", plan(planned("azapi_resource", after))))

    assert found["compute-instances-stop-when-idle"] == "denied"


def test_what_terraform_knows_only_after_apply_is_not_told(tmp_path: Path) -> None:
    after = {key: value for key, value in TERRAFORM_CLUSTER.items() if key != "vm_priority"}
    late = planned("azurerm_machine_learning_compute_cluster", after, {"vm_priority": True})

    result = evaluate(saved(tmp_path, "plan.json", plan(late)), "--policy", "dev-clusters-are-spot")

    assert result.exit_code == 20
    assert "vm_priority is known only after apply" in result.output


def test_tags_that_are_known_only_after_apply_are_not_missing(tmp_path: Path) -> None:
    late = planned("azurerm_machine_learning_compute_cluster", {**TERRAFORM_CLUSTER, "tags": None}, {"tags": True})

    found = verdicts(saved(tmp_path, "plan.json", plan(late)))

    assert found["cost-center-on-resources"] == "not evaluated"


def test_the_group_of_a_plan_says_what_its_tags_are(tmp_path: Path) -> None:
    group = planned("azurerm_resource_group", {"name": "rg-vision", "tags": {"CostCenter": "vision"}})
    cluster = planned("azurerm_machine_learning_compute_cluster", TERRAFORM_CLUSTER)

    found = verdicts(saved(tmp_path, "plan.json", plan(group, cluster)))

    assert found["rg-vision cost-center-on-groups"] == "fine"
    assert found["gpu cost-center-inherited"] == "changed"


def test_a_plan_leaves_out_what_goes_and_names_what_it_does_not_know(tmp_path: Path) -> None:
    gone = planned("azurerm_machine_learning_compute_cluster", TERRAFORM_CLUSTER)
    gone["change"] = {"actions": ["delete"], "after": None}
    odd = planned("azurerm_orchestrated_thing", {"name": "odd"})

    result = evaluate(saved(tmp_path, "plan.json", plan(gone, odd, planned("random_id", {}))))

    assert result.exit_code == 20
    assert "finops does not know what azurerm_orchestrated_thing sends" in result.output
    assert "1 resources" in result.output


def template(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    return {"$schema": schema, "contentVersion": "1.0.0.0", **more, "resources": list(resources)}


def templated(**more: Any) -> dict[str, Any]:
    inner = {"vmSize": "Standard_DS3_v2", "vmPriority": "[parameters('priority')]"}
    return {"type": COMPUTES, "apiVersion": "2024-04-01", "name": "[concat(variables('ws'), '/gpu')]",
            "tags": {"Environment": "dev"},
            "properties": {"computeType": "AmlCompute", "properties": inner}, **more}  # fmt: skip


DECLARED = {"parameters": {"priority": {"type": "string"}}, "variables": {"ws": "[toLower('W')]"}}


def test_an_arm_template_is_unfolded_with_its_parameters_file(tmp_path: Path) -> None:
    file = saved(tmp_path, "main.json", template(templated(), **DECLARED))
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#"
    values = saved(
        tmp_path, "main.parameters.json", {"$schema": schema, "parameters": {"priority": {"value": "Dedicated"}}}
    )
    asked = "dev-clusters-are-spot"

    assert verdicts(file, "--policy", asked) == {asked: "not evaluated"}
    assert "the template's parameter priority has no value" in evaluate(file, "--policy", asked).output
    assert verdicts(file, values, "--policy", asked) == {asked: "denied"}


def test_loops_conditions_and_nested_deployments_are_followed(tmp_path: Path) -> None:
    looped = templated(name="[format('w/gpu{0}', copyIndex(1))]", copy={"name": "c", "count": 2})
    never = templated(condition="[equals(1, 2)]")
    inner = template(
        templated(name="w/inner"), parameters={"priority": {"type": "string", "defaultValue": "LowPriority"}}
    )
    nested = {"type": "Microsoft.Resources/deployments", "name": "n",
              "properties": {"template": inner, "expressionEvaluationOptions": {"scope": "inner"}}}  # fmt: skip
    whole = template(looped, never, nested, parameters={"priority": {"type": "string", "defaultValue": "Dedicated"}},
                     variables={"ws": "w"})  # fmt: skip

    found = verdicts(saved(tmp_path, "main.json", whole), "--policy", "dev-clusters-are-spot")

    assert found == {
        "gpu1 dev-clusters-are-spot": "denied",
        "gpu2 dev-clusters-are-spot": "denied",
        "inner dev-clusters-are-spot": "fine",
    }


BAD = {
    "nothing.yml": ("", "is empty"),
    "broken.yml": ("name: [", "is not YAML at line 1"),
    "template.yml": ("name: {{NAME}}\ntype: amlcompute\n", "line 1 has the placeholder {{NAME}}. Fill it in."),
    "broken.json": ('{\n "a": }', "is not JSON"),
    "other.json": ({"hello": "world"}, "is nothing that can be evaluated"),
    "main.bicep": ("param x string", "az bicep build"),
    "main.tf": ("resource {}", "terraform show -json"),
    "state.json": ({"terraform_version": "1.9.0", "values": {}}, "is a state, not a plan"),
    "plan.json": ({"resource_changes": [{"change": 5}]}, "is not shaped as its kind should be"),
    "odd.json": ({**arm(), "tags": ["a"]}, "tags is ['a']"),
    "twice.json": ('{"type": "a/b", "type": "c/d"}', "twice"),
    "expression.json": (template(templated(name="[concat(]")), "Mend it."),
}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_file_is_named_and_the_others_are_evaluated(tmp_path: Path, name: str) -> None:
    content, part = BAD[name]
    good = saved(tmp_path, "gpu.yml", CLUSTER)

    result = evaluate(saved(tmp_path, name, content), good)

    assert result.exit_code == 1
    assert part in result.stderr
    assert name in result.stderr or name == "expression.json"
    assert "denied by dev-clusters-are-spot" in result.output


def test_a_broken_policy_stops_no_other(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    write(policies)
    write(
        policies, '{"policyRule": {"if": {"field": "kind", "equls": "a"}, "then": {"effect": "deny"}}}', name="broken"
    )
    file = saved(
        tmp_path, "account.json", {"type": "Microsoft.Storage/storageAccounts", "name": "st", "kind": "Storage"}
    )

    result = evaluate(file, "--policies", policies)

    assert result.exit_code == 1
    assert "audited by old-accounts" in result.output
    assert "Did you mean 'equals'" in result.stderr


@pytest.mark.parametrize(
    ("tier", "verdict"), [("low_priority", "fine"), ("LowPriority", "fine"), ("Dedicated", "denied")]
)
def test_tiers_are_spelt_as_az_ml_spells_them(tmp_path: Path, tier: str, verdict: str) -> None:
    file = saved(tmp_path, "gpu.yml", {**CLUSTER, "tier": tier})

    assert verdicts(file, "--policy", "dev-clusters-are-spot") == {"dev-clusters-are-spot": verdict}


@pytest.mark.parametrize("tier", ["cheap", "lowpriority", "spot"])
def test_a_tier_that_az_ml_refuses_is_not_told(tmp_path: Path, tier: str) -> None:
    result = evaluate(saved(tmp_path, "gpu.yml", {**CLUSTER, "tier": tier}), "--policy", "dev-clusters-are-spot")

    assert result.exit_code == 20
    assert "it takes dedicated and low_priority" in result.output


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = evaluate(saved(tmp_path, "gpu.yml", CLUSTER), "--policy", "spot")

    assert result.exit_code == 2
    assert "Policies are clusters-scale-to-zero" in result.output


def test_a_name_cannot_colour_the_terminal(tmp_path: Path) -> None:
    result = evaluate(saved(tmp_path, "gpu.yml", json.dumps({**CLUSTER, "name": "a\x1b[31m"})))

    assert "\x1b" not in result.output


def recorded(shared_data: Path, tmp_path: Path) -> list[Path]:
    """Every recorded YAML file, as a file again."""
    files = []
    for name in ("azureml_examples_yaml", "azure_ai_ml_test_configs_yaml"):
        with gzip.open(shared_data / f"aml_yaml/{name}.jsonl.gz", "rt") as lines:
            for line in lines:
                row = json.loads(line)
                text = row.get("raw") or yaml.safe_dump(row["doc"], sort_keys=False)
                files.append(
                    saved(tmp_path, f"{len(files)}-{Path(row['path']).name}".removesuffix(".yml") + ".yml", text)
                )
    return files


def test_real_az_ml_files_are_evaluated_or_refused_in_words(shared_data: Path, tmp_path: Path) -> None:
    from finops.errors import FinopsError

    rules = Rules(read(folder("policies")), LISTS)
    place = Place("s1", "rg", "w", {}, {})
    evaluated = refused = 0

    for file in recorded(shared_data, tmp_path):
        try:
            given = read_file(file, place, {})
        except FinopsError as fault:
            refused += str(file) in fault.what
            continue
        for each in given:
            answers = [] if each.skipped else rules.asked(each)
            assert all(answer.unknown for answer in answers if answer.verdict == "not evaluated")
            evaluated += bool(answers)

    assert evaluated > 200
    assert refused < 200  # conda files, connections and templates with placeholders


def test_computes_are_read_as_microsofts_own_client_sends_them(
    shared_data: Path, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    from azure.ai.ml import load_compute

    from finops.policy.inputs.amlyaml import kind_of

    logging.getLogger("azure").setLevel(logging.CRITICAL)
    compared = 0
    for file in recorded(shared_data, tmp_path):
        try:
            found = yaml.safe_load(file.read_text("utf-8"))
        except (yaml.YAMLError, TypeError):
            continue
        if kind_of(found) not in ("cluster", "instance"):
            continue
        sent = load_compute(str(file))._to_rest_object().properties
        (given,) = read_file(file, Place(), {})
        ours = given.body["properties"]
        inner, settings = ours["properties"], ours["properties"].get("scaleSettings")
        assert ours["computeType"] == sent.compute_type
        assert inner["vmSize"].lower() == sent.properties.vm_size.lower()
        assert inner.get("idleTimeBeforeShutdown") == getattr(sent.properties, "idle_time_before_shutdown", None)
        if settings:
            assert inner.get("vmPriority") == sent.properties.vm_priority
            assert settings["minNodeCount"] == sent.properties.scale_settings.min_node_count
            assert settings["maxNodeCount"] == sent.properties.scale_settings.max_node_count
            idle = settings["nodeIdleTimeBeforeScaleDown"]
            assert int(idle[2:-1]) == sent.properties.scale_settings.node_idle_time_before_scale_down.total_seconds()
        compared += 1
    assert compared >= 20
