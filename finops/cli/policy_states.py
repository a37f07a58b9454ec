"""`finops policy compliance` and `remediate`: what Azure Policy found, and having it mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL, AzureError

if TYPE_CHECKING:
    from datetime import timedelta

    from finops.cloud import Azure
    from finops.policy.compliance import Compliance
    from finops.policy.deploy import MissingRole
    from finops.policy.reconcile import Judged
    from finops.policy.remediate import Target, Task
    from finops.policy.scopes import Scope

scope_option = click.option(
    "--scope", "scope_text", required=True, metavar="ID", help="A subscription, resource group or management group."
)  # fmt: skip


@click.command()
@scope_option
@click.option(
    "--wait", "minutes", type=click.FloatRange(0, 240), default=15, show_default=True, metavar="MINUTES",
    help="Have Azure evaluate first, and wait so long; 0: only read what is there.",
)  # fmt: skip
@output_option
@reads_azure
@click.pass_context
def compliance(context: click.Context, session: Session, scope_text: str, minutes: float, output: str) -> None:
    """What Azure Policy found, how old that is, and whether our own evaluation agrees. Changes no resource.

    Exits 20 when something could not be read or Azure is still evaluating, and says what.

    \b
    finops policy compliance --scope /subscriptions/ID
    finops policy compliance --scope ID --wait 0 -o json
    """
    from finops.policy.compliance import compliance as look
    from finops.policy.scopes import scope_of

    scope = scope_of(scope_text)
    with _azure_of(session, scope) as azure:
        found = look(azure, scope, lambda: replace(session).now, minutes * 60, lambda doing: note(f"{doing} ..."))
    if output in {"json", "jsonl", "yaml"}:
        show([_record(found)], output)
    else:
        _report(found, output)
    if found.gaps:
        note(f"\nIncomplete: {len(found.gaps)} {'thing' if len(found.gaps) == 1 else 'things'} could not be told.")
        for text in found.gaps[:20]:
            note(f"  {printable(text)}")
        context.exit(PARTIAL)


@click.command()
@click.argument("name")
@scope_option
@click.option("--what-if", is_flag=True, help="Only list what would be changed.")
@click.option(
    "--at-most",
    type=click.IntRange(1, 50_000),
    default=100,
    show_default=True,
    help="Start nothing where more would be changed.",
)
@click.option(
    "--wait",
    "minutes",
    type=click.FloatRange(0, 240),
    default=30,
    show_default=True,
    metavar="MINUTES",
    help="Follow so long.",
)
@reads_azure
@click.pass_context
def remediate(
    context: click.Context, session: Session, name: str, scope_text: str, what_if: bool, at_most: int, minutes: float
) -> None:
    """Have Azure mend what breaks NAME, an assignment or one rule in it. Follows the tasks to their end.

    Azure does it with the identity of the assignment; only rules with modify or deployIfNotExists can mend.
    Exits 20 when something was not mended, or not yet.

    \b
    finops policy remediate cost-center-inherited --scope ID --what-if
    finops policy remediate cost-center-inherited --scope ID --at-most 20
    """
    from finops.policy.remediate import follow, start, targets
    from finops.policy.scopes import scope_of

    scope = scope_of(scope_text)
    with (session.azure if what_if else session.acting)() as azure:
        wanted = targets(azure, scope, name)
        _list_targets(wanted)
        if what_if or not any(target.resources for target in wanted):
            click.echo("Nothing was changed.")
            return
        until = azure.time.monotonic() + minutes * 60
        whole = True
        tasks: list[Task] = []
        for begun in start(azure, scope, wanted, session.now, at_most):
            if isinstance(begun, AzureError):
                note(printable(str(begun)))
                whole = False
            else:
                click.echo(f"{begun.target.name}: {'joined' if begun.joined else 'started'} {begun.id}")
                tasks.append(begun)
        for task in tasks:
            ended = follow(azure, task, until, _tell_task)
            _tell_end(ended, minutes)
            whole = whole and ended.well
    context.exit(0 if whole else PARTIAL)


@contextmanager
def _azure_of(session: Session, scope: Scope) -> Iterator[Azure]:
    """A connection that reads no other subscriptions than the scope's."""
    if session.estate is not None or scope.kind == "management group":
        with session.azure() as azure:
            yield azure
        return
    from finops.cloud import connect

    with connect(session.settings.azure.model_copy(update={"subscriptions": [scope.id.split("/")[2]]})) as azure:
        yield azure


def _report(found: Compliance, output: str) -> None:
    rows = []
    for each in found.assignments:
        other = sum(count for state, count in each.states.items() if state not in {"compliant", "noncompliant"})
        rows.append({
            "assignment": each.name, "by": "finops" if each.ours else "", "compliant": each.states.get("compliant", 0),
            "non-compliant": each.states.get("noncompliant", 0), "other": other, "newest evaluation": each.newest,
            "age": _age(found.as_of - each.newest) if each.newest else "not evaluated yet",
        })  # fmt: skip
    title = f"{found.scope}: {found.non_compliant} non-compliant resources, evaluation {found.evaluation}"
    show(rows, output, title=title)
    if output != "table":
        return
    counts = found.counted()
    click.echo("\nAzure and finops: " + ", ".join(f"{verdict} {count}" for verdict, count in counts.items()))
    differing = [
        {"resource": one.resource_id, "rule": one.rule, "Azure": one.azure, "finops": one.local, "perhaps": one.why}
        for one in found.disagreements
    ]
    if differing:
        show(differing, output, title="Disagreements")
    reasons = Counter((one.rule, one.why) for one in found.judged if one.verdict == "not evaluated")
    if reasons:
        open_ones = [{"rule": rule, "why": why, "count": count} for (rule, why), count in reasons.most_common(30)]
        show(open_ones, output, title="Not evaluated")


def _record(found: Compliance) -> dict[str, Any]:
    return {
        "scope": found.scope,
        "asOf": found.as_of,
        "evaluation": found.evaluation,
        "nonCompliantResources": found.non_compliant,
        "assignments": [
            {
                "id": each.id, "name": each.name, "byFinops": each.ours, "states": dict(each.states),
                "newest": each.newest, "ageMinutes": _minutes(found.as_of - each.newest) if each.newest else None,
            }
            for each in found.assignments
        ],
        "reconciled": found.counted(),
        "disagreements": [_judged(one) for one in found.disagreements],
        "notEvaluated": [_judged(one) for one in found.judged if one.verdict == "not evaluated"],
        "gaps": list(found.gaps),
    }  # fmt: skip


def _judged(one: Judged) -> dict[str, Any]:
    return {
        "resourceId": one.resource_id, "rule": one.rule, "assignment": one.assignment, "azure": one.azure,
        "finops": one.local, "why": one.why, "evaluated": one.seen,
    }  # fmt: skip


def _minutes(age: timedelta) -> int:
    return max(0, int(age.total_seconds() // 60))


def _age(age: timedelta) -> str:
    minutes = _minutes(age)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} d"


def _list_targets(wanted: list[Target]) -> None:
    for target in wanted:
        count = len(target.resources)
        click.echo(f"{target.name}: {count} {'resource breaks' if count == 1 else 'resources break'} it")
        for resource_id in target.resources:
            click.echo(f"      {printable(resource_id)}")
        tell_roles(target.missing)


def _tell_task(task: Task) -> None:
    click.echo(f"{task.target.name}: {task.state}, {task.succeeded} of {task.total} mended, {task.failed} failed")


def _tell_end(task: Task, minutes: float) -> None:
    if not task.ended:
        note(f"{task.target.name}: still {task.state} after {minutes:g} min. Azure goes on; run it again to follow on.")
    elif not task.well and task.message:
        note(f"{task.target.name}: {printable(task.message)}")
    for resource_id, why in task.failures:
        note(f"      {printable(resource_id)}: {printable(why)}")


def tell_roles(missing: Iterable[MissingRole]) -> None:
    for role in missing:
        what = "needs" if role.seen else "may need"
        note(f"\nThe identity of {role.assignment} {what} the role {role.role} before it can change resources:")
        note(f"  {role.command}")


def printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
