"""`finops janitor check`: whether the rules do what their cases say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from finops.cli.checking import check_options, tell

if TYPE_CHECKING:
    from finops.policy.check import Checked


@click.command()
@click.argument("folders", metavar="[DIR]...", nargs=-1, type=click.Path(path_type=Path))
@check_options
@click.pass_context
def check(
    context: click.Context, folders: tuple[Path, ...], least: float, no_mutations: bool, strict: bool,
    junit: Path | None, github: bool, output: str,
) -> None:  # fmt: skip
    """Check waste rules: run their cases, find mistakes, prove that the cases would notice a change. Changes nothing.

    DIR is a folder of rules, or the folder of one; by default the shipped ones. Exits 1 when anything is wrong.

    \b
    finops janitor check
    finops janitor check my-rules/ --junit report.xml
    finops janitor check janitor/instance-idle
    """
    from finops.config import folder as shipped
    from finops.janitor.check import check as look_at

    checked: list[Checked] = []
    for folder in folders or (shipped("janitor"),):
        checked += look_at(folder, least, not no_mutations)
    tell(context, checked, output, strict, junit, github, "rule")
