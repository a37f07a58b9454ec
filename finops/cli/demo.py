"""`finops demo`: read, decide and tell once, on a simulated estate, and show what came out."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli import demo_charges, demo_waste, demo_weeks
from finops.errors import FinopsError

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.jobs import Weekly
    from finops.simulator import Served

SEED = 7
BUDGET = Decimal(21_000)
PORT = 8765
LIVE = "azure"  # below the demo's folder: the estate as it lives on


@click.command()
@click.option("--once", is_flag=True, help="Leave the results in --out and exit, in place of serving them.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for everything.  [default: temporary]"
)
@click.option(
    "--port", type=click.IntRange(0, 65535), help=f"Port of the report page.  [default: {PORT}, else a free one]"
)
@click.option(
    "--weeks",
    type=click.IntRange(0, 12),
    default=0,
    help="Approve what saves most, let that many weeks pass, and report each: what decisions pay.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the report in a browser.")
def demo(once: bool, out: Path | None, port: int | None, weeks: int, no_browser: bool) -> None:
    """Show everything once on a simulated estate: the report, and the waste that waits for approval.

    With --weeks, what saves most is approved and carried out, and the weeks after it are reported as well.

    Writes only into --out.

    \b
    finops demo
    finops demo --weeks 3             # what decisions have saved by then
    finops demo --once --out demo     # leaves report/, outbox/, summary.json, and azure/ to ask on
    """
    if once and out is None:
        raise click.UsageError("--once needs --out: the folder in which to leave the results.")
    with ExitStack() as stack:
        try:
            folder = (out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="finops-demo-")))).absolute()
            run(folder, stack, once, port, weeks, browse=not (once or no_browser), kept=out is not None)
        except OSError as fault:
            raise FinopsError(
                f"{fault.filename or out} cannot be written: {fault.strerror}.", "Choose another --out."
            ) from fault


def run(folder: Path, stack: ExitStack, once: bool, port: int | None, weeks: int, browse: bool, kept: bool) -> None:
    """The demo in `folder`; unless `once`, keep serving until Ctrl-C. kept: whether the folder outlasts the demo."""
    import simplejson

    from finops import jobs
    from finops.cli.findings import record
    from finops.cloud import connect
    from finops.report.files import write
    from finops.simulator import serving

    started = time.monotonic()
    with progress() as step:
        step("Inventing an estate with 90 days of charges")
        live = lively(invented(folder / "estate"), folder / LIVE)
        simulator = stack.enter_context(serving(live))
        desk = _listener(None, PORT + 1)
        settings = demo_settings(folder, simulator.url, desk.getsockname()[1])
        demo_waste.forget(settings)
        with connect(settings.azure) as azure:
            settings = demo_charges.export(azure, settings, live, simulator.world.clock.now(), step)
            swept = demo_waste.twice(azure, settings, simulator, step)
            seen = demo_weeks.watched(azure, settings, simulator, step)
            weekly = jobs.weekly_report(azure, settings, simulator.world.clock.now(), step)
            waste = demo_waste.record(swept, settings, weekly.made.figures.savings)
            found = {**record(weekly), "waste": waste, "seen": seen}
            last = weekly
            if weeks:
                found["approved"] = demo_weeks.approve(settings, simulator, step)
                found["scaled"] = demo_weeks.scale(azure, settings, simulator, weekly, step)
                found["weeks"], last = demo_weeks.pass_weeks(azure, settings, simulator, weeks, step)
            step("Writing the report's page")
            page = write(folder / "report", last.made.forms, jobs.message(last.made, settings))
            calls = sum(azure.calls.values())
    config = written(folder, settings)
    tell(weekly, found, time.monotonic() - started, calls)
    if once:
        in_short = folder / "summary.json"
        in_short.write_text(
            simplejson.dumps(found, use_decimal=True, default=datetime.isoformat, indent=2) + "\n", "utf-8"
        )
        click.echo(f"  Report      {page}\n  Mail        {last.mail}\n  In short    {in_short}\n")
        leave(simulator, config)
        return
    if not weeks:
        demo_waste.pass_grace(simulator)
    approvals = stack.enter_context(demo_waste.approvals(settings, simulator, desk))
    serve(folder, simulator, port, browse, approvals, config)
    if kept:
        leave(simulator, config)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Says on standard error what is being done: a line a step with its time, turning while it runs on a terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda doing: click.echo(f"{doing} ...", err=True)
        return
    columns = (SpinnerColumn(finished_text="[green]✓[/]"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as display:

        def over() -> None:
            for task in display.task_ids:
                display.update(task, completed=1)

        def step(doing: str) -> None:
            over()
            display.add_task(doing, total=1)

        yield step
        over()


def invented(folder: Path) -> Path:
    """The embedded estate, in `folder`; one that an earlier demo left there is used again."""
    from finops.simulator import new_estate

    if not (folder / "estate.json").exists():
        new_estate(folder, SEED, "small")
    return folder


def lively(estate: Path, folder: Path) -> Path:
    """A copy of the estate, in which it lives on: the estate itself is where each demo begins."""
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(estate, folder))


def leave(simulator: Served, config: Path) -> None:
    """Write down how the simulated Azure is by now, and say how to go on asking about it."""
    from finops.simulator import leave_as_it_is

    leave_as_it_is(simulator.world)
    finops, given = _ourselves(), f"--config {os.path.relpath(config)}"
    before = simulator.world.clock.now().replace(day=1) - timedelta(days=1)
    port = simulator.url.rpartition(":")[2]
    click.echo(
        "To go on, leave Azure as it is now running in one terminal, and ask in another:\n"
        f"  {finops} simulate serve {os.path.relpath(simulator.world.folder)} --port {port} --clock frozen\n"
        f"  {finops} report explain month/forecast {given}\n"
        f"  {finops} report close --month {before:%Y-%m} {given}"
    )


def demo_settings(folder: Path, url: str, desk: int = PORT + 1) -> Settings:
    """Settings of the demo alone: nothing of this machine's own configuration counts."""
    from finops.config.model import AzureSettings, ChargesSettings, MailSettings, ReportSettings, Settings

    return Settings(
        azure=AzureSettings(endpoint=url),
        charges=ChargesSettings(store=folder / "charges"),
        budgets={"all": BUDGET},  # type: ignore[dict-item]  # the short form that the file has
        report=ReportSettings(organisation="Contoso AI (simulated)"),
        mail=MailSettings(
            outbox=folder / "outbox",
            sender="finops@contoso.example",
            finance=["finance@contoso.example"],
            owner_domains=["contoso.com"],  # of the simulated people
        ),
        **demo_waste.settings_of(folder, desk),
    )


def written(folder: Path, settings: Settings) -> Path:
    """The demo's settings as a file, so that every other command can work on the demo with --config."""
    import yaml

    file = folder / "finops.yaml"
    file.write_text(yaml.safe_dump(settings.model_dump(mode="json", exclude_unset=True), sort_keys=False), "utf-8")
    return file


def tell(weekly: Weekly, found: dict[str, Any], seconds: float, calls: int) -> None:
    """Print what was found, in seven lines."""
    from finops.cli.findings import lines, read

    click.echo(
        f"\n{weekly.made.figures.organisation}, {read(found)}: "
        f"read, decided and told in {seconds:.0f} s, {calls} calls to Azure\n"
    )
    for heading, sentence in lines(weekly, found):
        click.echo(f"  {heading:<12}{sentence}")
    click.echo(f"  {'Waste':<12}{demo_waste.line(found['waste'], found['currency'])}")
    click.echo(f"  {'Watch':<12}{demo_weeks.line(found['seen'])}\n")
    if "weeks" in found:
        done = f"{found['approved']} findings were approved and {found['scaled']} clusters set right"
        click.echo(f"  {done} on {found['asOf']:%-d %b}, and weeks went by:")
        for sentence in demo_weeks.lines(found["weeks"], found["currency"]):
            click.echo(f"  {sentence}")
        click.echo()


def serve(folder: Path, simulator: Served, port: int | None, browse: bool, approvals: str, config: Path) -> None:
    """Show the report, the outbox and the approvals page until Ctrl-C."""
    import webbrowser

    import uvicorn

    from finops.report.page import app

    listener = _listener(port, PORT)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    report = f"{url}reports/"
    click.echo(
        f"  Report      {report}\n  Outbox      {url}\n  Approvals   {approvals}\n"
        f"  Azure       {simulator.url}   (simulated)\n"
    )
    finops, given = _ourselves(), f"--config {os.path.relpath(config)}"
    click.echo(
        "Try, in another terminal:\n"
        f"  {finops} estate show {given}\n"
        f"  {finops} janitor list {given}\n"
        f"  {finops} janitor apply --execute {given}     # after you approved something on the page\n"
        f"  curl -X POST {simulator.url}/simulator/clock -d '{{\"advanceHours\": 168}}'     # a week goes by\n"
        f"  {finops} report render --out later {given}     # what it saved\n"
        "Ctrl-C ends the demo."
    )
    if browse and _has_desktop():
        webbrowser.open(report)
    server = uvicorn.Server(
        uvicorn.Config(app(folder / "report", folder / "outbox"), log_level="warning", lifespan="off")
    )
    try:
        server.run([listener])
    except KeyboardInterrupt:
        click.echo("Ended.")


def _listener(port: int | None, usual: int) -> socket.socket:
    """The wanted port; without a wish the usual one, or a free one where that is taken."""
    for wanted in [port] if port is not None else [usual, 0]:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", wanted))
        except OSError as fault:
            listener.close()
            if wanted == port:
                raise FinopsError(
                    f"Port {port} cannot be used: {fault.strerror}.", "Choose another with --port."
                ) from fault
        else:
            return listener
    raise FinopsError("No port is free on 127.0.0.1.", "Close some servers, and try again.")


def _ourselves() -> str:
    """How a person in this folder calls this command."""
    here = Path(sys.argv[0])
    if shutil.which("finops") or here.name != "finops":
        return "finops"
    return os.path.relpath(here)


def _has_desktop() -> bool:
    """Whether opening a browser shows a window; on a bare terminal it would start a text browser over our output."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
