"""`finops policy`: check policies, tell what they would do, deploy them, and ask Azure how they fare."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.errors import UsageError

if TYPE_CHECKING:
    from finops.policy.check import Checked

# Commands that work on Azure live beside, and are imported when they are called.
IN_AZURE = ("compliance", "deploy", "remediate")


class PolicyCommands(click.Group):
    """The commands of this module, and those of finops.cli.policy_azure and policy_evaluate by their name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*self.commands, *IN_AZURE, "evaluate"])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name == "evaluate":
            found: Any = importlib.import_module("finops.cli.policy_evaluate").evaluate
        elif name in IN_AZURE:
            found = getattr(importlib.import_module("finops.cli.policy_azure"), name)
        else:
            return super().get_command(ctx, name)
        assert isinstance(found, click.Command)
        return found


@click.group(cls=PolicyCommands)
def policy() -> None:
    """What may be created: check the policies, try them out, put them into Azure."""


@policy.command()
@click.argument("folders", metavar="[DIR]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--least", type=click.FloatRange(0, 100), default=95.0, show_default=True, metavar="PERCENT",
              help="How many changes of a rule its cases must notice.")  # fmt: skip
@click.option("--no-mutations", is_flag=True, help="Only run the cases and look for mistakes.")
@click.option("--strict", is_flag=True, help="Warnings fail, too.")
@click.option("--aliases", metavar="FILE", type=click.Path(path_type=Path), help="A whole table of aliases.")
@click.option("--junit", metavar="FILE", type=click.Path(path_type=Path), help="Write JUnit XML there.")
@click.option("--github", is_flag=True, help="Annotate the lines on GitHub.  [default: within GitHub Actions]")
@output_option
@click.pass_context
def check(
    context: click.Context, folders: tuple[Path, ...], least: float, no_mutations: bool, strict: bool,
    aliases: Path | None, junit: Path | None, github: bool, output: str,
) -> None:  # fmt: skip
    """Check policies: run their cases, find mistakes, and prove that the cases would notice a change. Changes nothing.

    DIR is a folder of policies, or the folder of one; by default the shipped ones. Exits 1 when anything is wrong.

    \b
    finops policy check
    finops policy check my-policies/ --junit report.xml
    finops policy check policies/dev-clusters-are-spot
    """
    from finops.conditions import read_aliases
    from finops.config import folder as shipped
    from finops.policy.check import check as look_at
    from finops.policy.ci import github as annotations
    from finops.policy.ci import junit as report
    from finops.policy.content import read

    table = read_aliases(aliases) if aliases else None
    checked: list[Checked] = []
    for folder in folders or (shipped("policies"),):
        checked += look_at(read(folder), table, least, not no_mutations)
    if junit:
        _write(junit, report(checked))
    if github or os.environ.get("GITHUB_ACTIONS") == "true":
        for line in annotations(checked, Path.cwd()):
            click.echo(line)
    show([_row(one) for one in checked], output, title="Policies")
    _tell(checked)
    wrong = [one for one in checked if not one.passed or (strict and _warned(one))]
    if wrong:
        note(f"{len(wrong)} of {len(checked)} failed: {', '.join(one.name for one in wrong)}")
        context.exit(1)
    note(f"All {len(checked)} are as they should be.")


def _warned(one: Checked) -> bool:
    return any(found.level == "warning" for found in one.findings)


def _row(one: Checked) -> dict[str, Any]:
    score = one.score
    return {
        "policy": one.name,
        "cases": len(one.cases),
        "failed": len(one.failures),
        "errors": len(one.errors),
        "warnings": sum(found.level == "warning" for found in one.findings),
        "noticed": f"{score.noticed} of {score.all}" if score else None,
        "score": round(score.percent, 1) if score else None,
        "result": "passed" if one.passed else "FAILED",
    }


def _tell(checked: list[Checked]) -> None:
    """What is wrong, one thing a paragraph."""
    from finops.policy.ci import survivors, weakness

    for one in checked:
        for found in one.findings:
            if found.level != "note":
                note(str(found))
        for failure in one.failures:
            note(f"{failure.case.file}: {failure.what}")
            note("".join(f"    {line}\n" for line in failure.told.splitlines()).rstrip("\n"))
        if one.score and one.is_weak:
            note(f"{one.file}: {weakness(one)}")
            note("".join(f"    {line}\n" for line in survivors(one.score).splitlines()).rstrip("\n"))


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, "utf-8")
    except OSError as fault:
        raise UsageError(f"{file} cannot be written: {fault.strerror}.", "Choose another path.") from fault
