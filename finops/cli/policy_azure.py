"""`finops policy deploy`, `compliance` and `remediate`: the policies in Azure."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note
from finops.cli.parameters import read_parameters
from finops.cli.policy_states import compliance, printable, remediate, scope_option, tell_roles
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL

if TYPE_CHECKING:
    from finops.policy.deploy import Outcome
    from finops.policy.plan import Plan, Step

__all__ = ["compliance", "deploy", "remediate"]

WORDS = {
    "create": ("+", "create", "green"),
    "update": ("~", "update", "yellow"),
    "keep": ("=", "unchanged", None),
    "refuse": ("!", "leave alone", "red"),
}


@click.command()
@scope_option
@click.option("--what-if", is_flag=True, help="Only show what would change.")
@click.option(
    "--policies",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of policies.  [default: the shipped ones]",
)
@click.option(
    "--parameters",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="YAML or JSON: values of parameters by name.",
)
@click.option("--do-not-enforce", is_flag=True, help="Assign without denying or changing: Azure only reports.")
@click.option("--location", default="", help="Where identities of assignments are kept.")
@click.option(
    "--identity", default="", metavar="ID", help="A user-assigned identity in place of one for each assignment."
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask at a terminal.")
@reads_azure
@click.pass_context
def deploy(
    context: click.Context, session: Session, scope_text: str, what_if: bool, folder: Path | None, file: Path | None,
    do_not_enforce: bool, location: str, identity: str, yes: bool,
) -> None:  # fmt: skip
    """Create and update the policies in Azure and assign them. Shows first what would change.

    What was not created from here is never changed, and nothing is ever deleted. Run twice, it changes nothing.
    Exits 20 when something could not be deployed; the rest is.

    \b
    finops policy deploy --scope /subscriptions/ID --what-if
    finops policy deploy --scope ID --parameters guard.yaml
    finops policy deploy --scope ID --do-not-enforce
    """
    from finops.config import folder as shipped
    from finops.policy.bundle import given_parameters, read_bundle
    from finops.policy.deploy import Outcome, missing_roles
    from finops.policy.deploy import deploy as carry_out
    from finops.policy.plan import Options, plan
    from finops.policy.scopes import scope_of

    scope = scope_of(scope_text)
    bundle = read_bundle(folder or shipped("policies"))
    parameters = given_parameters(bundle, read_parameters(file) if file else {}, str(file))
    options = Options(parameters, location, identity, enforced=not do_not_enforce)
    with (session.azure if what_if else session.acting)() as azure:
        made = plan(azure, bundle, scope, options)
        _show(made)
        if what_if or not made.changes:
            settled = made.whole and not made.changes
            click.echo(f"{'Everything is as it should be. ' if settled else ''}Nothing was changed.")
            tell_roles(missing_roles(azure, [Outcome(step, "", step.before) for step in made.steps], scope.id))
            context.exit(0 if made.whole else PARTIAL)
        if not yes and sys.stdin.isatty():
            click.confirm(f"\nChange {len(made.changes)} of them at {scope.id}?", abort=True)
        click.echo("")
        outcomes = carry_out(azure, made, _tell)
        tell_roles(missing_roles(azure, outcomes, scope.id))
    _end(context, made, outcomes)


def _show(made: Plan) -> None:
    """The diff, for people."""
    click.echo(f"At {made.scope.id}:")
    for step in made.steps:
        sign, word, colour = WORDS[step.action]
        click.secho(f"{sign} {step.kind:<10} {step.name}: {word}", fg=colour)
        if step.action == "create":
            for line in _summary(step):
                click.echo(f"      {line}")
        elif step.action == "update":
            for difference in step.differences:
                click.echo(f"      {printable(str(difference))}")
        elif step.fault:
            click.echo(f"      {printable(str(step.fault))}")
        for name in step.omitted:
            click.echo(f"      without {name}, which is not there or not ours")
    for file, fault in made.faults:
        click.secho(f"! {file}: cannot be used", fg="red")
        click.echo(f"      {printable(str(fault))}")
    for its_id in made.left:
        click.echo(
            f"? {its_id}: created by finops, and in the folder no more. It stays in force until somebody deletes it."
        )
    for text in made.notes:
        note(printable(text))


def _summary(step: Step) -> list[str]:
    from finops.policy.diff import shown

    properties = step.after["properties"]
    lines = [str(properties.get("displayName") or "")]
    if step.kind == "definition":
        lines.append(f"effect: {_effect(properties)}")
    elif step.kind == "initiative":
        lines.append(f"{len(properties['policyDefinitions'])} members")
    else:
        lines.append(f"assigns {properties['policyDefinitionId']}, enforcement {properties['enforcementMode']}")
        lines += [f"{name}: {shown(value.get('value'))}" for name, value in properties["parameters"].items()]
        if "identity" in step.after:
            lines.append(f"identity {step.after['identity']['type']} in {step.after.get('location')}")
    return [printable(line) for line in lines if line]


def _effect(properties: dict[str, Any]) -> str:
    """The effect of a definition, or the parameter that gives it, with its default."""
    effect = str((properties["policyRule"].get("then") or {}).get("effect"))
    named = re.fullmatch(r"\[parameters\('(.+)'\)\]", effect)
    if not named:
        return effect
    default = (properties.get("parameters") or {}).get(named[1], {}).get("defaultValue")
    return f"parameter {named[1]}" + (f", {default} unless given" if default else "")


def _tell(outcome: Outcome) -> None:
    if outcome.done == "unchanged":
        return
    click.echo(f"{outcome.step.kind} {outcome.step.name}: {outcome.done}")
    if outcome.fault:
        click.echo(f"      {printable(str(outcome.fault))}")


def _end(context: click.Context, made: Plan, outcomes: list[Outcome]) -> None:
    failed = [outcome for outcome in outcomes if outcome.fault]
    done = [outcome for outcome in outcomes if not outcome.fault]
    counts = {word: sum(outcome.done == word for outcome in outcomes) for word in ("created", "updated", "unchanged")}
    click.echo(", ".join(f"{count} {word}" for word, count in counts.items()) + f", {len(failed)} not deployed.")
    if failed and not done:
        assert failed[0].fault
        raise failed[0].fault
    omitted = any(outcome.step.omitted for outcome in outcomes)
    if failed or omitted or made.faults:
        names = [f"{each.step.kind} {each.step.name}" for each in failed] + [file for file, _ in made.faults]
        names += [f"{name} (left out of {each.step.name})" for each in outcomes for name in each.step.omitted]
        note(f"Not all of it could be deployed: {', '.join(names)}")
        context.exit(PARTIAL)
