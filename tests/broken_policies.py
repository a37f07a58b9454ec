"""Definitions with one thing wrong in each."""

from __future__ import annotations

from policy_files import COMPUTES, EFFECT, RULE, body, parameter, rule

TYPE = {"field": "type", "equals": "Microsoft.Storage/storageAccounts"}
MODIFY = {
    "roleDefinitionIds": ["/providers/Microsoft.Authorization/roleDefinitions/4a9ae827-6dc8-4573-8ac7-8239d42aa03f"],
    "operations": [{"operation": "add", "field": "tags['a']", "value": "b"}],
}
# What is wrong, the rule that finds it, the place where, and a part of what it says.
BROKEN = {
    "an operator is misspelt": (
        body(policyRule=rule({"field": "kind", "equal": "x"})),
        "compile",
        "policyRule.if",
        "Did you mean 'equals'",
    ),
    "an alias is misspelt": (
        body(policyRule=rule({"field": f"{COMPUTES}/vmPriorty", "equals": "x"})),
        "compile",
        "policyRule.if.field",
        "vmPriority",
    ),
    "an alias is of no known type": (
        body(policyRule=rule({"field": "Microsoft.Sql/servers/odd", "equals": "x"})),
        "gap",
        "policyRule.if.field",
        "not in the alias table",
    ),
    "a function is not known": (
        body(policyRule=rule({"value": "[shout('a')]", "equals": "A"})),
        "gap",
        "policyRule.if.value",
        "shout",
    ),
    "a parameter is not declared": (
        body(policyRule=rule(TYPE, "[parameters('efect')]")),
        "compile",
        "policyRule.then.effect",
        "efect",
    ),
    "a parameter is not used": (
        body(parameters={"effect": EFFECT, "sizes": parameter("x")}),
        "unused-parameter",
        "parameters.sizes",
        "nowhere",
    ),
    "a parameter's default is not allowed": (
        body(parameters={"effect": parameter("Adit", allowedValues=["Audit", "Deny"])}),
        "compile",
        "parameters.effect",
        "'Audit'",
    ),
    "a denial says nothing": (
        body(metadata={"version": "1.0.0", "category": "Storage"}),
        "deny-without-message",
        "metadata.nonComplianceMessage",
        "can deny",
    ),
    "a denial repeats its name": (
        body(metadata={"version": "1.0.0", "category": "S", "nonComplianceMessage": "Old accounts are replaced"}),
        "deny-without-message",
        "metadata.nonComplianceMessage",
        "repeats",
    ),
    "it can only be disabled": (
        body(parameters={"effect": parameter("Disabled", allowedValues=["Disabled"])}),
        "never-fires",
        "parameters.effect",
        "Disabled",
    ),
    "it wants two types at once": (
        body(policyRule=rule({"allOf": [TYPE, {"field": "type", "equals": "a/b"}]})),
        "never-fires",
        "policyRule.if.allOf[1]",
        "never",
    ),
    "it wants a field missing and set": (
        body(policyRule=rule({"allOf": [{"field": "kind", "exists": False}, {"field": "kind", "equals": "x"}]})),
        "never-fires",
        "policyRule.if",
        "missing",
    ),
    "its list is empty": (
        body(policyRule=rule({"allOf": [TYPE, {"field": "kind", "in": []}]})),
        "never-fires",
        "policyRule.if.allOf[1]",
        "empty",
    ),
    "its mode leaves out its type": (
        body(
            mode="Indexed",
            policyRule=rule({"field": "type", "equals": "Microsoft.Resources/subscriptions/resourceGroups"}),
        ),
        "never-fires",
        "policyRule.if",
        "Indexed",
    ),
    "its alias is of another type": (
        body(policyRule=rule({"allOf": [TYPE, {"field": f"{COMPUTES}/vmSize", "like": "Standard_N*"}]})),
        "never-fires",
        "policyRule.if.allOf[1]",
        "does not have",
    ),
    "modify changes nothing": (
        body(
            parameters={"effect": parameter("Modify", allowedValues=["Modify", "Disabled"])},
            policyRule=rule(TYPE, details={**MODIFY, "operations": []}),
        ),
        "never-fires",
        "policyRule.then.details",
        "operations",
    ),
    "modify has no role": (
        body(
            parameters={"effect": parameter("Modify", allowedValues=["Modify", "Disabled"])},
            policyRule=rule(TYPE, details={"operations": MODIFY["operations"]}),
        ),
        "roles-missing",
        "policyRule.then.details.roleDefinitionIds",
        "remediation",
    ),
    "a role is no id": (
        body(
            parameters={"effect": parameter("Modify", allowedValues=["Modify", "Disabled"])},
            policyRule=rule(TYPE, details={**MODIFY, "roleDefinitionIds": ["Tag Contributor"]}),
        ),
        "roles-missing",
        "policyRule.then.details.roleDefinitionIds[0]",
        "roleDefinitions/<id>",
    ),
    "its effects do not go together": (
        body(parameters={"effect": parameter("Audit", allowedValues=["Audit", "Manual"])}),
        "effect-allowed-values-should-not-mix-incompatible-effects",
        "parameters.effect.allowedValues",
        "manual",
    ),
    "it has a key that Azure does not know": (
        body(policyRule={**RULE, "them": {}}),
        "schema",
        "policyRule.them",
        "Did you mean 'then'",
    ),
    "it has no description": (body(description=None), "schema", "description", "missing"),
    "its version is none": (
        body(metadata={"version": "1", "category": "S", "nonComplianceMessage": "Write something else."}),
        "schema",
        "metadata.version",
        "1.0.0",
    ),
    "its mode is none": (body(mode="Every"), "schema", "mode", "Indexed"),
    "it says neither field nor value": (body(policyRule=rule({"equals": "x"})), "compile", "policyRule.if", "neither"),
    "it has no then": (body(policyRule={"if": TYPE}), "compile", "policyRule.then", "missing"),
}
