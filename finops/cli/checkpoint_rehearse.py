"""`finops checkpoint rehearse`: a training script, evicted and started again, beside one that nobody disturbs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import note, output_option, show
from finops.errors import FinopsError

if TYPE_CHECKING:
    from finops.checkpoint.rehearsing.patterns import Pattern
    from finops.checkpoint.rehearsing.rehearsal import Rehearsal
    from finops.checkpoint.rehearsing.rehearsed import Measured, Sameness

SHAPES = ("steady", "by-day", "in-bursts")


class NotTheSame(FinopsError):
    """The evicted training did not end as the undisturbed one did."""


@click.command(context_settings={"ignore_unknown_options": True})
@click.option(
    "--pattern",
    default="steady",
    show_default=True,
    metavar="SHAPE|FILE",
    help="When nodes go: steady, by-day, in-bursts, or a recording: a JSON list of hours that nodes lasted, or "
    "a spot trace.",
)
@click.option("--node-hours", default=4.0, show_default=True, help="How long a node lasts in the mean, in a SHAPE.")
@click.option("--evictions", default=5.0, show_default=True, help="About how many fall into the training.")
@click.option("--scale", type=float, help="Seconds of the pattern that pass in one, instead of --evictions.")
@click.option("--notice", default=0.0, help="Seconds for which an eviction is announced beforehand.  [default: never]")
@click.option(
    "--notice-by",
    type=click.Choice(["imds", "marker", "SIGTERM"]),
    default="imds",
    show_default=True,
    help="Azure's metadata service, the marker file of Azure ML's images, or a signal.",
)
@click.option("--delivered", default=1.0, show_default=True, help="How often the notice comes, of 1.")
@click.option(
    "--result",
    "results",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file that the script writes, which must come out the same. Repeatable.",
)
@click.option("--job-hours", default=24.0, show_default=True, help="Training of the real job, for the outlook.")
@click.option(
    "--boot",
    default=180.0,
    show_default=True,
    help="Seconds from a new node to its first step there: boot, image, restore.",
)
@click.option("--keep", type=click.Path(path_type=Path), help="Keep logs, journals and checkpoints in this new folder.")
@click.option("--seed", default=0, show_default=True, help="Of the pattern.")
@output_option
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
def rehearse(
    pattern: str, node_hours: float, evictions: float, scale: float | None, notice: float, notice_by: str,
    delivered: float, results: tuple[Path, ...], job_hours: float, boot: float, keep: Path | None, seed: int,
    output: str, command: tuple[str, ...],
) -> None:  # fmt: skip
    """Run a training script, evict it, start it again, and say what was lost. Runs the script, here, twice and more.

    First undisturbed, then killed by the pattern, made so quick that it fits, until it is done. The script needs no
    change: it finds a folder for its checkpoints in the environment. Exits 1 where the evicted training did not end
    as the undisturbed one.

    \b
    finops checkpoint rehearse -- python train.py --epochs 3
    finops checkpoint rehearse --notice 5 --delivered 0.7 -- python train.py
    finops checkpoint rehearse --pattern us-east-1b.json --result model.pt -- python train.py
    """
    import os
    import tempfile

    from finops.checkpoint.rehearsing.rehearsal import Plan
    from finops.checkpoint.rehearsing.rehearsal import rehearse as rehearsed
    from finops.checkpoint.rehearsing.rehearsed import measured, sameness

    nodes = pattern_of(pattern, node_hours, seed)
    if not nodes.runs:
        raise click.UsageError(f"In {nodes.name} no node ever goes.")
    if keep is not None and keep.exists():
        raise click.UsageError(f"--keep {keep} is there already: name a new folder.")
    with tempfile.TemporaryDirectory(prefix="finops-rehearsal-") as scratch:
        folder = (keep or Path(scratch)).absolute()
        plan = Plan(command, nodes, folder, scale, evictions, notice, notice_by, delivered, results, seed)
        found = rehearsed(plan, os.environ, note)
    of, same = measured(found), sameness(found)
    if output == "table":
        click.echo("\n".join([*_lines(found, of, same), "", *_outlook(nodes, of, job_hours, boot)]))
    else:
        show([_row(found, of, same)], output)
    if wrong := _wrong(found, same):
        raise NotTheSame(wrong, "Look which part of the state is not given to checkpoint.open(state=...).")


def pattern_of(told: str, node_hours: float, seed: int) -> Pattern:
    from finops.checkpoint.rehearsing.patterns import SHAPES as MADE
    from finops.checkpoint.rehearsing.patterns import recorded

    if node_hours <= 0:
        raise click.UsageError(f"--node-hours is {node_hours:g}: give more than 0.")
    if told in MADE:
        return MADE[told](node_hours, 60.0, seed)
    if not Path(told).exists():
        raise click.UsageError(f"--pattern is {told!r}: neither {', '.join(SHAPES)} nor a file.")
    return recorded(Path(told))


def _wrong(found: Rehearsal, same: Sameness) -> str:
    if not found.finished:
        return ""
    if differing := [str(result) for result, alike in found.same.items() if not alike]:
        return f"{' and '.join(differing)} did not come out the same."
    if not same.whole:
        return f"{same.steps - same.alike} of {same.steps} steps did not come out the same."
    return ""


def _lines(found: Rehearsal, of: Measured, same: Sameness) -> list[str]:
    from finops.checkpoint.rehearsing.rehearsed import by_epoch, reckoned, without

    quiet, evicted = found.undisturbed, found.evicted
    announced = sum(one.announced for one in evicted)
    lines = [
        f"{len(evicted)} evictions ({found.plan.pattern.name}; an hour passes in {3600 / found.scale:.1f} s), "
        f"{announced} of them announced",
        f"  undisturbed        {quiet.seconds:8.1f} s, of which {quiet.boot:.1f} s until the first step",
        f"  evicted            {found.seconds:8.1f} s" + ("" if found.finished else ", given up: it made no headway"),
    ]
    if quiet.account.begins is None:
        return [*lines, "The script does not use finops.checkpoint: what was lost is not known."]
    if of.lost:
        lines += [
            f"  work done again    {sum(of.lost):8.1f} s, {sum(of.lost_steps)} steps; "
            f"the most at once {max(of.lost):.1f} s",
            f"  starts             {sum(of.boots[1:]):8.1f} s more, {len(of.boots) - 1} of them",
            f"  saving             {of.stalled:8.3f} s, {of.saves} saves, each {of.stall * 1000:.1f} ms and safe after "
            f"{of.durable:.2f} s",
        ]
    lines.append(_sameness(found, same))
    told, each, never = reckoned(found, of), by_epoch(found, of), without(found, of)
    lines += [
        "By replay, on the same nodes:",
        f"  this package       {told.seconds:8.1f} s, {sum(told.lost):.1f} s of work done again",
        f"  saving each epoch  {_ended(each.seconds, each.finished)}{_saved(each.seconds - found.seconds)}",
        f"  no checkpoints     {_ended(never.seconds, never.finished)}{_saved(never.seconds - found.seconds)}",
    ]
    return lines


def _ended(seconds: float, finished: bool) -> str:
    return f"{seconds:8.1f} s" if finished else f"{seconds:8.1f} s and not done"


def _saved(seconds: float) -> str:
    return f": {seconds / 60:.1f} minutes saved" if seconds > 0 else ""


def _sameness(found: Rehearsal, same: Sameness) -> str:
    if not found.finished:
        return "  result             not there"
    state = {True: "the same, bit for bit", False: "DIFFERENT", None: "not known (the script did not end its loop)"}
    files = [f"{result.name} {'the same' if alike else 'DIFFERENT'}" for result, alike in found.same.items()]
    steps = f"{same.alike} of {same.steps} steps with the same samples and figures"
    return f"  result             {'; '.join([f'state {state[same.state]}', steps, *files])}"


def _outlook(nodes: Pattern, of: Measured, hours: float, boot: float) -> list[str]:
    from finops.checkpoint.rehearsing.replay import Costs
    from finops.checkpoint.rehearsing.weighing import HOURLY, OURS, ways, weighed

    if not of.saves:
        return []
    costs = Costs(of.stall, max(of.durable, 1e-3), boot)
    found = weighed(hours * 3600, costs, [nodes], ways(nodes.hours_between))
    lines = [f"A job of {hours:g} h on such nodes at their own pace, {boot:g} s to start, saves as costly as here:"]
    lines += [f"  {'':24} {'lost/eviction':>14} {'overhead':>9}"]
    for name, one in found.items():
        gone = f", {one.unfinished:.0%} never done" if one.unfinished else ""
        lines.append(f"  {name:24} {one.lost_mean:10.1f} min {one.overhead:9.1%}{gone}")
    saved = (found[HOURLY].overhead - found[OURS].overhead) * (hours * 60 + boot / 60)
    return [*lines, f"  {saved:.0f} minutes of each node saved beside the hourly checkpoint."]


def _row(found: Rehearsal, of: Measured, same: Sameness) -> dict[str, Any]:
    from finops.checkpoint.rehearsing.rehearsed import by_epoch, reckoned, without

    told, each, never = reckoned(found, of), by_epoch(found, of), without(found, of)
    return {
        "finished": found.finished,
        "evictions": len(found.evicted),
        "announced": sum(one.announced for one in found.evicted),
        "undisturbedSeconds": round(found.undisturbed.seconds, 3),
        "evictedSeconds": round(found.seconds, 3),
        "lostSeconds": [round(seconds, 3) for seconds in of.lost],
        "lostSteps": list(of.lost_steps),
        "startSeconds": [round(seconds, 3) for seconds in of.boots],
        "saves": of.saves,
        "stalledSeconds": round(of.stalled, 6),
        "sameState": same.state,
        "steps": same.steps,
        "sameSteps": same.alike,
        "sameFiles": {str(result): alike for result, alike in found.same.items()},
        "replaySeconds": round(told.seconds, 3),
        "replayLostSeconds": [round(seconds, 3) for seconds in told.lost],
        "epochSeconds": round(each.seconds, 3) if each.finished else None,
        "withoutSeconds": round(never.seconds, 3) if never.finished else None,
    }
