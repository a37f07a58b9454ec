"""How `finops policy check` and `finops janitor check` tell what they found: a table, what is wrong, files for CI."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.errors import UsageError

if TYPE_CHECKING:
    from finops.policy.check import Checked

Command = Callable[..., Any]


def check_options(command: Command) -> Command:
    """The options that both commands have."""
    for option in reversed((
        click.option("--least", type=click.FloatRange(0, 100), default=95.0, show_default=True, metavar="PERCENT",
                     help="How many changes of a rule its cases must notice."),
        click.option("--no-mutations", is_flag=True, help="Only run the cases and look for mistakes."),
        click.option("--strict", is_flag=True, help="Warnings fail, too."),
        click.option("--junit", metavar="FILE", type=click.Path(path_type=Path), help="Write JUnit XML there."),
        click.option("--github", is_flag=True,
                     help="Annotate the lines on GitHub.  [default: within GitHub Actions]"),
        output_option,
    )):  # fmt: skip
        command = option(command)
    return command


def tell(
    context: click.Context,
    checked: list[Checked],
    output: str,
    strict: bool,
    junit: Path | None,
    github: bool,
    kind: str,
) -> None:
    """Shows what was found. Exits 1 when anything is wrong. kind: "policy" or "rule"."""
    from finops.policy.ci import github as annotations
    from finops.policy.ci import junit as report

    if junit:
        _write(junit, report(checked, f"finops {'policy' if kind == 'policy' else 'janitor'} check"))
    if github or os.environ.get("GITHUB_ACTIONS") == "true":
        for line in annotations(checked, Path.cwd()):
            click.echo(line)
    left_out = {"score"} if output == "table" else set()  # `noticed` says it; so the table fits into 80 columns
    rows = [{name: value for name, value in _row(one, kind).items() if name not in left_out} for one in checked]
    show(rows, output, title="Policies" if kind == "policy" else "Waste rules")
    _tell(checked)
    wrong = [one for one in checked if not one.passed or (strict and _warned(one))]
    if wrong:
        note(f"{len(wrong)} of {len(checked)} failed: {', '.join(one.name for one in wrong)}")
        context.exit(1)
    note(f"All {len(checked)} are as they should be.")


def _warned(one: Checked) -> bool:
    return any(found.level == "warning" for found in one.findings)


def _row(one: Checked, kind: str) -> dict[str, Any]:
    score = one.score
    return {
        kind: one.name,
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
