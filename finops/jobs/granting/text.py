"""Roles as text for other tools: `az` commands, Bicep, Terraform."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping

from finops.jobs.granting.needs import Who
from finops.jobs.granting.roles import Role

PRINCIPALS: Mapping[Who, str] = {"reader": "READER-OBJECT-ID", "executor": "EXECUTOR-OBJECT-ID"}


def assignments(role: Role, principal: str) -> list[str]:
    """The lines that give the role."""
    return [
        shlex.join(
            ["az", "role", "assignment", "create", "--assignee-object-id", principal,
             "--assignee-principal-type", "ServicePrincipal", "--role", role.name, "--scope", scope]
        )
        for scope in role.scopes
    ]  # fmt: skip


def az(roles: list[Role], principals: Mapping[Who, str]) -> str:
    """Commands that make the roles and give them; an existing one is brought up to date by `update` in place of
    `create`."""
    lines = []
    for role in roles:
        lines += [f"# {one}" for one in _why(role)]
        definition = json.dumps(role.definition, ensure_ascii=False)
        lines.append(shlex.join(["az", "role", "definition", "create", "--role-definition", definition]))
        lines += [*assignments(role, principals[role.who]), ""]
    return "\n".join(lines)


def bicep(roles: list[Role], principals: Mapping[Who, str]) -> str:
    """A file for `az deployment sub create`. A role at another scope than the subscription's own is given by `az`."""
    lines = ["targetScope = 'subscription'", ""]
    lines += [f"param {who}ObjectId string" for who in dict.fromkeys(role.who for role in roles)]
    for role in roles:
        name = _symbol(role)
        lines += [
            "",
            *(f"// {one}" for one in _why(role)),
            f"resource {name} 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {{",
            f"  name: guid(subscription().id, {_bicep(role.name)})",
            "  properties: {",
            f"    roleName: {_bicep(role.name)}",
            f"    description: {_bicep(role.said)}",
            "    type: 'CustomRole'",
            "    permissions: [",
            "      {",
            *_bicep_list("actions", role.actions),
            "        notActions: []",
            *_bicep_list("dataActions", role.data_actions),
            "        notDataActions: []",
            "      }",
            "    ]",
            "    assignableScopes: [subscription().id]",
            "  }",
            "}",
            "",
        ]
        narrow = [scope for scope in role.scopes if len(scope.split("/")) > 3]
        if narrow:
            given = assignments(Role(role.who, role.name, role.said, role.needs, tuple(narrow)), principals[role.who])
            lines += ["// It is given on less than the subscription, which this file cannot:"]
            lines += [f"// {one}" for one in given]
            continue
        lines += [
            f"resource {name}Given 'Microsoft.Authorization/roleAssignments@2022-04-01' = {{",
            f"  name: guid(subscription().id, {name}.id, {role.who}ObjectId)",
            "  properties: {",
            f"    roleDefinitionId: {name}.id",
            f"    principalId: {role.who}ObjectId",
            "    principalType: 'ServicePrincipal'",
            "  }",
            "}",
        ]
    return "\n".join(lines) + "\n"


def terraform(roles: list[Role]) -> str:
    """Resources of the provider azurerm (4.x)."""
    lines = []
    for who in dict.fromkeys(role.who for role in roles):
        lines += [f'variable "{who}_object_id" {{', "  type = string", "}", ""]
    for role in roles:
        name = _symbol(role, "_")
        lines += [
            *(f"# {one}" for one in _why(role)),
            f'resource "azurerm_role_definition" "{name}" {{',
            f"  name        = {_hcl(role.name)}",
            f"  scope       = {_hcl(role.assignable[0])}",
            f"  description = {_hcl(role.said)}",
            "",
            "  permissions {",
            *_hcl_list("actions", role.actions),
            "    not_actions = []",
            *_hcl_list("data_actions", role.data_actions),
            "    not_data_actions = []",
            "  }",
            "",
            f"  assignable_scopes = [{', '.join(map(_hcl, role.assignable))}]",
            "}",
            "",
        ]
        for number, scope in enumerate(role.scopes):
            lines += [
                f'resource "azurerm_role_assignment" "{name}_{number}" {{',
                f"  scope              = {_hcl(scope)}",
                f"  role_definition_id = azurerm_role_definition.{name}.role_definition_resource_id",
                f"  principal_id       = var.{role.who}_object_id",
                "}",
                "",
            ]
    return "\n".join(lines)


def _why(role: Role) -> Iterator[str]:
    """Comments: each on one line, whatever is in it."""
    yield " ".join(f"{role.name}: {role.said}".split())
    for need in role.needs:
        yield "  " + " ".join(f"{need.action}: {need.why} ({need.feature})".split())


def _symbol(role: Role, between: str = "") -> str:
    words = re.findall(r"[a-z0-9]+", role.name.lower())
    return between.join(words) if between else words[0] + "".join(word.capitalize() for word in words[1:])


def _bicep(text: str) -> str:
    r"""https://learn.microsoft.com/azure/azure-resource-manager/bicep/data-types#strings: \ ' and ${ are escaped."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("${", "\\${").replace("\n", "\\n") + "'"


def _bicep_list(name: str, values: tuple[str, ...]) -> list[str]:
    if not values:
        return [f"        {name}: []"]
    return [f"        {name}: [", *(f"          {_bicep(value)}" for value in values), "        ]"]


def _hcl(text: str) -> str:
    """A quoted string of HCL: JSON's, and templates are escaped by doubling."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def _hcl_list(name: str, values: tuple[str, ...]) -> list[str]:
    if not values:
        return [f"    {name} = []"]
    return [f"    {name} = [", *(f"      {_hcl(value)}," for value in values), "    ]"]
