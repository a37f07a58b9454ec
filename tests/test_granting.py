"""The permissions that features need: from one table, as roles in four forms, and compared with what is held."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from estates import DEV, PROD, small_bodies, write_estate

from finops.cli.permissions import permissions
from finops.config.model import Settings
from finops.janitor.reading import folders, rules
from finops.jobs.granting import NEEDS, enabled, features, roles
from finops.jobs.granting.features import ACTIONS, FEATURES
from finops.jobs.granting.held import state_of, surplus
from finops.jobs.granting.needs import Need
from finops.jobs.granting.roles import Role
from finops.jobs.granting.text import az, bicep, terraform
from finops.simulator import serving

DOCS = Path(__file__).parent.parent / "docs"
JANITOR = [one.name for one in FEATURES if one.name.startswith("janitor")]
# The roles of the documentation, by the features that they are for, and the features whose role stands beside them.
DOCUMENTED = {
    "reader": (["estate", "charges"], []),
    "enforcer": (["guard", "guard recreate", "images", *JANITOR], ["estate", "charges"]),
    "undo": (["undo"], ["estate", "charges"]),
    "tiering-reader": (["tier"], ["estate", "charges"]),
    "tiering": (["tier apply", "tier tracking", "tier inventory", "tier blobs"], ["tier", "estate", "charges"]),
    "budget": (["budget sync"], []),
    "policy": (["policy deploy", "policy remediate"], []),
}
EVERYWHERE = {"reader": (f"/subscriptions/{PROD}",), "executor": (f"/subscriptions/{PROD}",)}


def held_by(*names: str, data: bool = False) -> set[str]:
    return {need.action for need in NEEDS if need.feature in names and need.data == data}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_each_documented_role_is_what_the_table_says(name: str):
    mine, beside = DOCUMENTED[name]
    role = json.loads((DOCS / f"{name}-role.json").read_text("utf-8"))

    assert set(role["Actions"]) == held_by(*mine) - held_by(*beside)
    assert set(role["DataActions"]) == held_by(*mine, data=True) - held_by(*beside, data=True)


def test_every_documented_role_is_compared():
    assert {file.name.removesuffix("-role.json") for file in DOCS.glob("*-role.json")} == set(DOCUMENTED)


def test_every_feature_of_the_table_is_a_feature_and_needs_something_or_stands_for_others():
    assert {need.feature for need in NEEDS} == {one.name for one in FEATURES}


def test_every_action_of_the_shipped_rules_has_a_feature():
    for rule in rules(folders(Settings())):
        for action in filter(None, (rule.action, rule.quiet.action if rule.quiet else "")):
            assert (action, "") in ACTIONS or (action, rule.type.lower()) in ACTIONS


def test_what_only_reads_holds_no_write_no_delete_and_no_wildcard_of_more_than_reads():
    reads = {need.action for need in NEEDS if need.who == "reader"}

    assert not {one for one in reads if one.endswith(("/write", "/delete", "*"))}
    # what is no "*/read", and therefore not in Azure's own Reader
    assert {one for one in reads if not one.endswith("/read")} == {
        "Microsoft.MachineLearningServices/workspaces/computes/listNodes/action",
        "Microsoft.CostManagement/query/action",
        "Microsoft.PolicyInsights/policyStates/queryResults/action",
        "Microsoft.PolicyInsights/policyStates/summarize/action",
        "Microsoft.PolicyInsights/policyStates/triggerEvaluation/action",
        "Microsoft.PolicyInsights/remediations/listDeployments/action",
        "Microsoft.KeyVault/vaults/secrets/getSecret/action",
    }


def named(**settings: Any) -> set[str]:
    made = Settings.model_validate(settings)
    return {one.name for one in enabled(made, rules(folders(made), made.janitor))}


ALWAYS = {"estate", "charges", "check", "compliance"}


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({"janitor": {"mode": "off"}}, set()),
        ({"janitor": {"mode": "list"}}, {"images"}),
        ({"janitor": {"mode": "off"}, "guard": {"mode": "warn"}}, set()),
        ({"janitor": {"mode": "off"}, "guard": {"scopes": {f"/subscriptions/{DEV}": "enforce"}}}, {"guard"}),
        ({"janitor": {"mode": "off"}, "guard": {"mode": "enforce", "recreate": "allow"}}, {"guard", "guard recreate"}),
        (
            {"janitor": {"mode": "off", "rules": {"instance-idle": {"mode": "act"}}}},
            {"janitor act", "janitor stop"},
        ),
        ({"janitor": {"mode": "act"}}, {"images", *JANITOR}),
        ({"janitor": {"mode": "off"}, "azure": {"key_vault": "kv-finops"}}, {"key vault"}),
    ],
)
def test_the_settings_enable_features(settings: dict[str, Any], more: set[str]):
    settings.setdefault("tiering", {"mode": "off"})

    assert named(**settings) == ALWAYS | more


@pytest.mark.parametrize(
    ("tiering", "more"),
    [
        ({"mode": "list"}, {"tier"}),
        ({"mode": "ask", "tracking": False, "small_account": 0}, {"tier", "tier apply"}),
        (
            {"mode": "enforce", "tracking": True, "inventory": "inv", "small_account": 9},
            {"tier", "tier apply", "tier tracking", "tier inventory", "tier blobs"},
        ),
    ],
)
def test_tiering_enables_what_it_is_set_to_do(tiering: dict[str, Any], more: set[str]):
    assert named(janitor={"mode": "off"}, tiering=tiering) == ALWAYS | more


def test_files_of_charges_need_no_cost_management():
    assert "charges" not in named(charges={"sources": ["exports/"]})


# -- the forms ------------------------------------------------------------------------------------------------------


def odd_roles() -> list[Role]:
    """A role whose words would break out of any quoting that is not done."""
    need = Need("estate", "reader", "Microsoft.X/y/read", 'it\'s "needed" for $(id) ${var} `x`')
    data = Need("estate", "reader", "Microsoft.X/y/z/read", "data", data=True)
    return [Role("reader", 'It\'s "ours" ${x} $(id) \\', "said 'so' %{y}", (need, data), (f"/subscriptions/{PROD}",))]


def test_az_lines_are_words_of_a_shell_with_json_inside():
    [role] = odd_roles()

    lines = [line for line in az([role], {"reader": "oid", "executor": "e"}).splitlines() if line[:1] not in ("#", "")]
    create, give = (shlex.split(line) for line in lines)

    assert create[:4] == ["az", "role", "definition", "create"]
    assert json.loads(create[create.index("--role-definition") + 1]) == role.definition
    assert give[give.index("--role") + 1] == role.name
    assert give[give.index("--scope") + 1] == f"/subscriptions/{PROD}"
    assert give[give.index("--assignee-object-id") + 1] == "oid"


def test_a_comment_of_the_az_text_never_becomes_a_command():
    need = Need("estate", "reader", "Microsoft.X/y/read", "one\nrm -rf /")

    lines = az(
        [Role("reader", "R", "s", (need,), ("/subscriptions/x",))], {"reader": "o", "executor": "e"}
    ).splitlines()

    assert all(line == "" or line.startswith(("#", "az ")) for line in lines)


def test_bicep_and_terraform_escape_what_they_would_evaluate():
    made = odd_roles()

    assert r"roleName: 'It\'s \"ours\" \${x} $(id) \\'".replace('\\"', '"') in bicep(
        made, {"reader": "o", "executor": "e"}
    )
    assert r'name        = "It' + "'" + r's \"ours\" $${x} $(id) \\"' in terraform(made)
    assert "%%{y}" in terraform(made)


def test_bicep_and_terraform_hold_every_action_once():
    made = roles(features(one.name for one in FEATURES), EVERYWHERE)

    for text in (bicep(made, {"reader": "o", "executor": "e"}), terraform(made)):
        code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("#", "//")))
        assert code.count("{") == code.count("}")
        assert code.count("[") == code.count("]")
        for role in made:
            for action in (*role.actions, *role.data_actions):
                assert len(re.findall(rf"['\"]{re.escape(action)}['\"]", code)) == sum(
                    action in (*one.actions, *one.data_actions) for one in made
                )


def test_what_opens_data_is_a_role_of_its_own_at_a_management_group():
    at = ("/providers/Microsoft.Management/managementGroups/mg",)

    made = roles(features(["tier"]), {"reader": at, "executor": at})

    assert [(one.name, bool(one.actions), bool(one.data_actions), one.assignable) for one in made] == [
        ("AML FinOps Reader", True, False, at),
        ("AML FinOps Reader Data", False, True, ("/subscriptions/REPLACE-ME",)),
    ]


def test_secrets_are_opened_on_one_vault_only():
    made = roles(features(["estate", "key vault"]), EVERYWHERE)

    [plain, secrets] = made
    assert plain.data_actions == ()
    assert secrets.data_actions == ("Microsoft.KeyVault/vaults/secrets/getSecret/action",)
    assert all("/Microsoft.KeyVault/vaults/" in scope for scope in secrets.scopes)


# -- what is granted ------------------------------------------------------------------------------------------------

NEED = Need("guard", "executor", "Microsoft.X/a/write", "")


@pytest.mark.parametrize(
    ("permission", "state"),
    [
        ({"actions": ["Microsoft.X/a/write"]}, "granted"),
        ({"actions": ["microsoft.x/A/WRITE"]}, "granted"),
        ({"actions": ["*"]}, "granted"),
        ({"actions": ["Microsoft.X/*"]}, "granted"),
        ({"actions": ["Microsoft.X/*/write"]}, "granted"),
        ({"actions": ["*/write"]}, "granted"),
        ({"actions": ["*/read"]}, "missing"),
        ({"actions": ["Microsoft.X/a"]}, "missing"),
        ({"actions": ["Microsoft.X/a/write/more"]}, "missing"),
        ({"actions": ["Microsoft.Xb/a/write"]}, "missing"),
        ({"actions": ["Microsoft.X.a.write"]}, "missing"),
        ({"actions": ["*"], "notActions": ["Microsoft.X/a/*"]}, "missing"),
        ({"actions": ["*"], "notActions": ["*/WRITE"]}, "missing"),
        ({"actions": ["*"], "notActions": ["Microsoft.Y/*"]}, "granted"),
        ({"dataActions": ["*"]}, "missing"),
        ({"actions": None}, "missing"),
        ({"actions": ["*"], "condition": "@Resource[x] StringEquals 'y'"}, "unknown"),
    ],
)
def test_an_action_is_held_as_azure_reckons(permission: dict[str, Any], state: str):
    assert state_of(NEED, [permission]) == state


def test_what_one_role_excepts_another_may_grant():
    assert (
        state_of(NEED, [{"actions": ["*"], "notActions": ["*/write"]}, {"actions": ["Microsoft.X/a/write"]}])
        == "granted"
    )


def test_data_is_opened_by_data_actions_only():
    need = Need("tier", "reader", "Microsoft.S/blobs/read", "", data=True)

    assert state_of(need, [{"actions": ["*"]}]) == "missing"
    assert state_of(need, [{"dataActions": ["Microsoft.S/*/read"]}]) == "granted"
    assert state_of(need, [{"dataActions": ["*"], "notDataActions": ["Microsoft.S/*"]}]) == "missing"


def test_a_need_that_is_a_pattern_is_held_whole_or_not_at_all():
    need = Need("estate", "reader", "Microsoft.M/b/*/read", "")

    assert state_of(need, [{"actions": ["Microsoft.M/b/jobs/read"]}]) == "missing"
    assert state_of(need, [{"actions": ["Microsoft.M/*/read"]}]) == "granted"
    assert state_of(need, [{"actions": ["*"], "notActions": ["Microsoft.M/b/jobs/read"]}]) == "missing"
    assert state_of(need, [{"actions": ["*"], "notActions": ["*/jobs/*"]}]) == "missing"


def test_what_nothing_needs_is_surplus_what_can_change_first():
    found = surplus(
        [NEED], [{"actions": ["*/read", "Microsoft.X/a/write", "Microsoft.X/b/delete"], "dataActions": ["*"]}]
    )

    assert [(one.pattern, one.changes, one.data) for one in found] == [
        ("Microsoft.X/b/delete", True, False), ("*", True, True), ("*/read", False, False),
    ]  # fmt: skip


# -- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Asks the command of a served estate, with the settings and roles that are given."""
    monkeypatch.chdir(tmp_path)
    with serving(write_estate(tmp_path / "estate", small_bodies())) as served:

        def asked(*words: str, held: dict[str, Any] | None = None, azure: str = "", rest: str = "") -> Any:
            from finops.simulator.rbac import rbac_of

            served.app.rbac = rbac_of(held)
            Path("finops.yaml").write_text(
                f"azure: {{endpoint: '{served.url}', subscriptions: ['{PROD}']{azure}}}\n"
                f"janitor: {{mode: 'off'}}\ntiering: {{mode: 'off'}}\n{rest}"
            )
            return CliRunner().invoke(permissions, list(words))

        yield asked


TWO = ", client_id: reads, executor: {client_id: changes}"
ENFORCING = "guard: {mode: enforce}\n"


def granted(reader: dict[str, Any], executor: dict[str, Any] | None = None) -> dict[str, Any]:
    given = {"reads": reader, **({"changes": executor} if executor else {})}
    return {
        "roles": list(given.values()),
        "principals": {
            app: {"name": app, "assignments": [{"role": role["Name"], "scope": f"/subscriptions/{PROD}"}]}
            for app, role in given.items()
        },
    }


def printed(site: Any, identity: str, rest: str = ENFORCING) -> dict[str, Any]:
    said = site("-o", "json", "--identity", identity, rest=rest)
    assert said.exit_code == 0, said.output
    return dict(json.loads(said.stdout))


def test_the_printed_roles_are_found_to_be_exactly_enough(site: Any):
    held = granted(printed(site, "reader"), printed(site, "executor"))

    said = site("check", held=held, azure=TWO, rest=ENFORCING)

    assert said.exit_code == 0, said.output
    assert "NOT ok" not in said.stdout
    assert "Granted beyond need: nothing to show." in said.stdout


def test_what_is_missing_is_named_with_the_lines_that_grant_it(site: Any):
    executor = printed(site, "executor")
    executor["Actions"].remove("Microsoft.Resources/tags/write")

    said = site("check", held=granted(printed(site, "reader"), executor), azure=TWO, rest=ENFORCING)

    assert said.exit_code == 1
    assert "NOT ok  guard (executor)" in said.stdout
    assert "Microsoft.Resources/tags/write" in said.stdout
    assert "az role assignment create --assignee-object-id EXECUTOR-OBJECT-ID" in said.stderr
    assert f"--scope /subscriptions/{PROD}" in said.stderr


def test_what_is_granted_beyond_need_is_named(site: Any):
    reader = printed(site, "reader")
    reader["Actions"].append("Microsoft.Compute/virtualMachines/delete")

    said = site("check", "-o", "json", held=granted(reader, printed(site, "executor")), azure=TWO, rest=ENFORCING)

    assert said.exit_code == 0
    [beyond] = [one for one in json.loads(said.stdout) if one["State"] == "surplus"]
    assert (beyond["Identity"], beyond["Permission"]) == ("reader", "Microsoft.Compute/virtualMachines/delete")


def test_one_identity_for_both_needs_both_and_neither_is_surplus(site: Any):
    both = printed(site, "reader")
    both["Actions"] += printed(site, "executor")["Actions"]

    said = site("check", held=granted(both), azure=", client_id: reads", rest=ENFORCING)

    assert said.exit_code == 0, said.output
    assert "Granted beyond need: nothing to show." in said.stdout


def test_what_cannot_be_read_is_unknown_and_never_ok(site: Any):
    reader = printed(site, "reader")
    reader["Actions"].remove("Microsoft.Authorization/permissions/read")

    said = site("check", held=granted(reader, printed(site, "executor")), azure=TWO, rest=ENFORCING)

    assert said.exit_code == 20
    assert "ok      estate (reader)" not in said.stdout
    assert "NOT ok  estate (reader)" in said.stdout
    assert "ok      guard (executor)" in said.stdout


def test_a_role_with_a_condition_is_unknown(site: Any):
    executor = {**printed(site, "executor"), "condition": "@Resource[x] StringEquals 'y'"}

    assert site("check", held=granted(printed(site, "reader"), executor), azure=TWO, rest=ENFORCING).exit_code == 20


def test_azures_own_reader_lacks_only_what_is_no_read(site: Any):
    azures_reader = {"Name": "Reader", "Actions": ["*/read"]}

    said = site("check", "-o", "json", held=granted(azures_reader), azure=", client_id: reads")

    assert said.exit_code == 1
    assert {one["Permission"] for one in json.loads(said.stdout) if one["State"] == "missing"} == {
        "Microsoft.MachineLearningServices/workspaces/computes/listNodes/action",
        "Microsoft.CostManagement/query/action",
        "Microsoft.PolicyInsights/policyStates/queryResults/action",
    }


def test_a_role_for_one_feature_does_not_take_the_place_of_the_one_for_all(site: Any):
    names = [role["Name"] for role in json.loads(site("--feature", "undo", "-o", "json").stdout)]

    assert names == ["AML FinOps Reader (undo)", "AML FinOps Executor (undo)"]


def test_a_vault_that_is_not_seen_leaves_its_right_unknown(site: Any):
    said = site("check", "-o", "json", azure=", key_vault: kv-elsewhere")

    assert said.exit_code == 20
    assert [one["Feature"] for one in json.loads(said.stdout) if one["State"] == "unknown"] == ["key vault"]


def test_where_only_a_group_is_enforced_the_executor_acts_there_only(site: Any):
    group = f"/subscriptions/{PROD}/resourceGroups/rg-dev"

    said = site("--as", "az", "--identity", "executor", rest=f"guard: {{scopes: {{'{group}': enforce}}}}\n")

    given = [shlex.split(line) for line in said.stdout.splitlines() if line.startswith("az role assignment")]
    assert [words[words.index("--scope") + 1] for words in given] == [group]
    assert group in site("--as", "bicep", rest=f"guard: {{scopes: {{'{group}': enforce}}}}\n").stdout


def test_the_list_of_permissions_has_the_wire_form_of_microsofts_client(tmp_path: Path):
    from wire_clients import azure

    with azure(tmp_path, polls=0) as clients:
        found = list(clients.authorization.permissions.list_for_resource_group("rg-ml"))

        assert [(one.actions, one.not_actions, one.data_actions) for one in found] == [(["*"], [], ["*"])]
