"""`finops policy`: check policies, tell what they would do, deploy them, and ask Azure how they fare."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.checking import check_options, tell

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
@click.option("--aliases", metavar="FILE", type=click.Path(path_type=Path), help="A whole table of aliases.")
@check_options
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
    from finops.policy.content import read

    table = read_aliases(aliases) if aliases else None
    checked: list[Checked] = []
    for folder in folders or (shipped("policies"),):
        checked += look_at(read(folder), table, least, not no_mutations)
    tell(context, checked, output, strict, junit, github, "policy")
