"""`finops policy evaluate`: what the policies would do with what somebody is about to create."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.errors import PARTIAL, FinopsError, UsageError

if TYPE_CHECKING:
    from finops.policy.evaluate import Answer, Rules, Verdict
    from finops.policy.inputs import Given, Place

COLOURS = {"denied": "red", "changed": "yellow", "audited": "yellow", "not evaluated": "magenta", "fine": "green"}
WORST: tuple[Verdict, ...] = ("denied", "changed", "audited", "not evaluated", "fine")
# What to do about what is not known, by what the reason says.
REMEDIES = {
    "resourceGroup().tags": "Say what its resource group's tags are: --group-tag Environment=dev, or - for none.",
    "resourceGroup().name": "Say which resource group it goes to: --group NAME.",
    "resource group is not known": "Say which resource group it goes to: --group NAME.",
    "subscription().tags": "Say what its subscription's tags are: --subscription-tag Environment=dev, or - for none.",
    "subscription().subscriptionId": "Say which subscription it goes to: --subscription ID.",
    "subscription is not known": "Say which subscription it goes to: --subscription ID.",
    "the policy's parameter": "Give it a value: --parameters FILE.",
}


@click.command()
@click.argument("resources", metavar="RESOURCE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--policies", "folder", metavar="DIR", type=click.Path(path_type=Path),
              help="Folder of policies.  [default: the shipped ones]")  # fmt: skip
@click.option("--parameters", "file", metavar="FILE", type=click.Path(path_type=Path),
              help="YAML or JSON: values of the policies' parameters by name.")  # fmt: skip
@click.option("--policy", "only", metavar="NAME", multiple=True, help="Ask only this policy; more than once for more.")
@click.option("--group", default="", metavar="NAME", help="The resource group that it goes to.")
@click.option("--group-tag", "group_tags", metavar="NAME=VALUE", multiple=True,
              help="A tag of that group; - for a group without tags.")  # fmt: skip
@click.option("--subscription", default="", metavar="ID", help="The subscription that it goes to.")
@click.option("--subscription-tag", "subscription_tags", metavar="NAME=VALUE", multiple=True,
              help="A tag of that subscription; - for none.")  # fmt: skip
@click.option("--workspace", default="", metavar="NAME", help="The workspace that az ml creates it in.")
@click.option("--aliases", metavar="FILE", type=click.Path(path_type=Path), help="A whole table of aliases.")
@click.option("--all", "whole", is_flag=True, help="Explain what is fine, too.")
@output_option
@click.pass_context
def evaluate(
    context: click.Context, resources: tuple[Path, ...], folder: Path | None, file: Path | None, only: tuple[str, ...],
    group: str, group_tags: tuple[str, ...], subscription: str, subscription_tags: tuple[str, ...], workspace: str,
    aliases: Path | None, whole: bool, output: str,
) -> None:  # fmt: skip
    """Tell what would be denied, changed or audited, and why, expression by expression. Changes nothing.

    RESOURCE is a resource as Azure returns it, an az ml YAML, a Terraform plan (terraform show -json), or an ARM
    template with its parameters file beside it. Exits 1 when something would be denied or cannot be read, 20 when
    something could not be told.

    \b
    finops policy evaluate cluster.yml --group rg-vision-dev
    finops policy evaluate plan.json --parameters guard.yaml
    finops policy evaluate main.json main.parameters.json --all
    """
    from finops.cli.parameters import read_parameters
    from finops.conditions import read_aliases
    from finops.config import folder as shipped
    from finops.policy.content import Content, read
    from finops.policy.evaluate import Rules
    from finops.policy.inputs import Place

    content = read(folder or shipped("policies"))
    chosen = tuple(each for each in content.definitions if not only or each.name in only)
    unknown = [name for name in only if not content.named(name)]
    if unknown:
        known = ", ".join(each.name for each in content.definitions)
        raise UsageError(f"There is no policy {unknown[0]}.", f"Policies are {known}.")
    rules = Rules(
        Content(content.bundle, chosen),
        read_parameters(file) if file else {},
        read_aliases(aliases) if aliases else None,
    )
    place = Place(subscription, group, workspace, _tags(group_tags), _tags(subscription_tags))
    found, faults = _read(resources, place)
    told = [(given, _asked(given, found, rules)) for given in found]
    if output == "table":
        for given, answers in told:
            _print(given, answers, whole)
    else:
        show([_row(given, answer) for given, answers in told for answer in answers], output)
    for fault in (*rules.faults, *faults):
        note(f"Error: {fault}")
    context.exit(_end(told, [*rules.faults, *faults]))


def _read(files: Iterable[Path], place: Place) -> tuple[list[Given], list[FinopsError]]:
    """The resources in all files; a file that is wrong stops no other."""
    from finops.policy.inputs import read_file, template_values

    values, others = template_values(list(files))
    found: list[Given] = []
    faults: list[FinopsError] = []
    for file in others:
        try:
            found += read_file(file, place, values)
        except FinopsError as fault:
            faults.append(fault)
    return found, faults


def _asked(given: Given, found: list[Given], rules: Rules) -> list[Answer]:
    from datetime import UTC, datetime

    return [] if given.skipped else rules.asked(given, found, datetime.now(UTC))


def _tags(given: tuple[str, ...]) -> dict[str, Any] | None:
    if not given:
        return None
    found = {}
    for each in given:
        if each == "-":
            continue
        name, sign, value = each.partition("=")
        if not sign or not name:
            raise UsageError(f"{each!r} is no tag.", "Write it as NAME=VALUE, or - where there are none.")
        found[name] = value
    return found


def _print(given: Given, answers: list[Answer], whole: bool) -> None:
    click.secho(f"{_safe(given.source)}: {_safe(given.words)}", bold=True)
    if given.skipped:
        click.echo(f"  not evaluated: {_safe(given.skipped)}")
    fine = [answer for answer in answers if answer.verdict == "fine"]
    for answer in sorted(answers, key=lambda answer: WORST.index(answer.verdict)):
        if answer.verdict == "fine" and not whole:
            continue
        click.secho(f"  {answer.verdict} by {answer.policy}" if answer.verdict in WORST[:3] else
                    f"  {answer.verdict}: {answer.policy}", fg=COLOURS[answer.verdict])  # fmt: skip
        if answer.verdict in ("denied", "audited"):
            click.echo(f"      {_safe(answer.message)}")
        for change in answer.changes:
            click.echo(f"      {change.field}: {_safe(str(change.before or 'nothing'))} -> {_safe(str(change.value))}")
        for reason in answer.unknown:
            click.echo(f"      {_safe(_remedied(reason))}")
        if answer.words and (answer.verdict != "not evaluated" or whole):
            for line in answer.words:
                click.echo(f"        {_safe(line)}")
    if fine and not whole:
        click.echo(f"  fine with {len(fine)} other{'s' if len(fine) > 1 else ''}")


def _remedied(reason: str) -> str:
    fix = next((fix for part, fix in REMEDIES.items() if part in reason), "")
    return f"{reason}. {fix}" if fix else reason


def _row(given: Given, answer: Answer) -> dict[str, Any]:
    return {
        "source": given.source,
        "type": given.kind,
        "name": given.body.get("name"),
        "policy": answer.policy,
        "verdict": answer.verdict,
        "message": answer.message,
        "changes": [{"field": each.field, "before": each.before, "after": each.value} for each in answer.changes],
        "unknown": list(answer.unknown),
        "why": list(answer.words),
    }


def _end(told: list[tuple[Given, list[Answer]]], faults: list[FinopsError]) -> int:
    """Says how it ended, and gives the exit code."""
    verdicts = [answer.verdict for _, answers in told for answer in answers]
    counts = ", ".join(f"{verdicts.count(each)} {each}" for each in WORST)
    skipped = sum(bool(given.skipped) for given, _ in told)
    note(f"{len(told)} resources: {counts}" + (f"; {skipped} resources could not be evaluated" if skipped else ""))
    if "denied" in verdicts or faults:
        return 1
    return PARTIAL if "not evaluated" in verdicts or skipped else 0


def _safe(text: str) -> str:
    """Without what moves the cursor or colours the terminal; unknown values are shown as such."""
    return "".join(char if char.isprintable() else "" if char == "\ufdd0" else "\ufffd" for char in text)
