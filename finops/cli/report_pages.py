"""`finops report archive` and `preview`: the reports that were sent, and the next one while it is edited."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.output import output_option, show
from finops.cli.report import _made, _options
from finops.cli.session import Session, reads_azure

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.report import Report

PORT = 8766


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="Settings file.  [default: finops.yaml if it is there]")
@output_option
def archive(config: Path | None, output: str) -> None:
    """List the reports that were sent, and write their index anew. Changes nothing else.

    They lie in report.archive; its index.html can be opened, or served by any web server. The web app shows them
    under /reports.

    \b
    finops report archive
    finops report archive -o json
    """
    from finops.config import load
    from finops.report import archive as kept

    settings = load(config)
    found = kept.kept(kept.folder_of(settings))
    page = kept.index(settings)
    rows = [
        {
            "name": one.name,
            "from": one.first,
            "to": one.last,
            "audience": one.audience,
            "status": ", ".join(status["word"] for status in one.statuses),
            "subject": one.subject,
            "made": one.made,
        }
        for one in found
    ]
    show(rows, output, title="Reports")
    if output == "table":
        click.echo(f"Look at {page}")


@click.command()
@_options
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0: a free one.")
@click.option("--no-browser", is_flag=True, help="Do not open it in a browser.")
@reads_azure
def preview(session: Session, port: int, no_browser: bool, **asked: Any) -> None:
    """Serve the report on this machine, and make it anew when a template is saved. Sends nothing. Until Ctrl-C.

    The figures are worked out once. Templates are those of folders.reports, and the shipped ones behind them.

    FILES: as for `finops report render`.

    \b
    finops report preview costs.csv
    finops report preview --estate estate --config finops.yaml
    """
    settings, made = _made(session, **asked)
    serve(made.figures, settings, port, browse=not no_browser)


def serve(model: Report, settings: Settings, port: int, browse: bool) -> None:
    """Serve the preview of `model` on the loopback interface until Ctrl-C."""
    import webbrowser

    import uvicorn

    from finops.cli.demo import _has_desktop, _listener
    from finops.config import folder
    from finops.report import render
    from finops.report.preview import app

    own = settings.folders.reports
    listener = _listener(port, port)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    folders = [*([own] if own else []), folder("reports")]
    site = app(lambda: render(model, settings), folders, own)
    click.echo(f"Look at {url}\nEdit the templates in {folders[0]}; Ctrl-C ends it.")
    if browse and _has_desktop():
        webbrowser.open(url)
    server = uvicorn.Server(uvicorn.Config(site, log_level="warning", lifespan="off"))
    try:
        server.run([listener])
    except KeyboardInterrupt:
        click.echo("Ended.")
