"""The `finops` command: every job by hand, and the looks that change nothing."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from finops import __version__
from finops.errors import FinopsError, MissingExtra

# Each command lives in the module of its name and is imported when it is called, so that `--help` stays quick.
COMMANDS = {
    "anomaly": "Days that cost more or less than expected: list them, explain, plan, close.",
    "audit": "The audit trail: whether it is whole, what is on it, its head to note elsewhere.",
    "budget": "Budgets and their alerts: where each stands, what was told, Azure's own in step.",
    "charges": "What it costs: load cost data and ask it.",
    "checkpoint": "Checkpoints of training on spot nodes: look at them, rehearse evictions, and what they cost.",
    "config": "The settings: what they are, where each comes from, what is wrong.",
    "daemon": "Every duty at its time: run it, or one duty; how each stands.",
    "demo": "Everything once on a simulated estate, report included. No Azure needed.",
    "estate": "What exists: record an estate into a folder, and summarise one.",
    "guard": "Rules over the estate: spot-only dev clusters, CostCenter tags, exemptions.",
    "janitor": "Unused resources: find them, ask, approve, delete, undo.",
    "mail": "The outbox: what waits, what left, what failed; deliver it.",
    "permissions": "Azure permissions: what the enabled features need, and what is granted.",
    "policy": "What may be created: check policies, try them out, put them into Azure.",
    "report": "The weekly report: render it, look at it, send it.",
    "simulate": "A simulated Azure estate on 127.0.0.1.",
    "state": "What is remembered: back it up, restore it, check it, tidy it.",
    "tier": "Access tiers of blobs: what to move where, what it saves, what it costs.",
    "web": "The approvals page: people approve, deny and snooze what the janitor found.",
}


class Commands(click.Group):
    """A group that imports a command when it is called, and prints a FinopsError as one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        try:
            command = getattr(importlib.import_module(f"finops.cli.{name}"), name)
        except ModuleNotFoundError as missing:
            raise _explained(missing, f"finops {name}") from None
        assert isinstance(command, click.Command)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as fault:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else " Try 'finops --help'."
            raise click.UsageError(f"There is no command '{args[0]}'.{hint}", ctx) from fault

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as missing:
            raise _Told(_explained(missing, f"finops {ctx.invoked_subcommand}")) from None
        except FinopsError as fault:
            raise _Told(fault) from fault
        except BrokenPipeError:
            # `finops ... | head`: the reader has seen enough. Point stdout at nothing, or Python complains at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None


class _Told(click.ClickException):
    """A FinopsError on its way to the terminal: "Error: what, fix", and its exit code."""

    def __init__(self, fault: FinopsError) -> None:
        super().__init__(str(fault))
        self.exit_code: int = fault.exit_code  # type: ignore[misc]  # click's stubs call it a class variable


# Import name -> extra, for parts that `pip install aml-finops` leaves out.
_EXTRAS = {"azure.ai": "ml"}


def _explained(missing: ModuleNotFoundError, doing: str) -> FinopsError:
    name = missing.name or ""
    if name.partition(".")[0] == "finops":
        raise missing
    extra = next((extra for prefix, extra in _EXTRAS.items() if name.startswith(prefix)), "daemon")
    return MissingExtra(f"'{doing}' (module {name})", extra)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="finops %(version)s")
def cli() -> None:
    """Cost governance for Azure Machine Learning.

    Reads an estate and what it costs, decides by rules that people keep in folders, changes only what was
    allowed or approved, and tells. `finops demo` shows all of it without an Azure account.

    \b
    Exit codes: 0 ok, 1 error, 2 wrong usage, 20 done in part, 75 try again later.
    """
