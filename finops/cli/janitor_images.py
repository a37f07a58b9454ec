"""`finops janitor why IMAGE`: what keeps an image, or the proof that nothing does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.janitor_rows import width, wrapped
from finops.cli.output import output_option, show
from finops.cli.session import Session, reads_azure
from finops.errors import PARTIAL

if TYPE_CHECKING:
    from finops.images import Why


@click.command()
@click.argument("image")
@click.option(
    "--references",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    help="A file of images that run where Azure cannot see it; may be given several times.",
)
@output_option
@reads_azure
@click.pass_context
def why(context: click.Context, session: Session, image: str, files: tuple[Path, ...], output: str) -> None:
    """Say what keeps IMAGE, or prove that nothing does. Changes nothing.

    IMAGE is server/repository:tag, server/repository@sha256:..., or a digest. Exits 20 when it cannot be known.

    \b
    finops janitor why crprod.azurecr.io/tools/etl:v3
    finops janitor why crprod.azurecr.io/tools/etl@sha256:0f3c... --references cluster.txt
    """
    from finops import estate, images

    settings = session.settings.janitor
    with session.azure() as azure:
        found = images.read(
            azure,
            estate.read(azure, session.now),
            session.now,
            keep_newest=settings.keep_newest,
            job_days=settings.job_days,
            files=(*settings.image_files, *files),
            layer_reads=0,
        ).why(image)
    if output == "table":
        click.echo("\n".join(told(found)))
    else:
        show([row(found)], output)
    if found.reached is None:
        context.exit(PARTIAL)


def told(found: Why) -> list[str]:
    """The answer in lines for people: names of others come from outside and are shown as they are, without markup."""
    tags = f"{'tag' if len(found.tags) == 1 else 'tags'} {', '.join(found.tags)}" if found.tags else "no tag"
    lines = [found.image, f"  {tags}", ""]
    if found.reached:
        lines.append(f"It is kept by {_count(len(found.paths), 'path')}:")
        for number, path in enumerate(found.paths[:10], 1):
            lines += [f"  {number}. {path[0].id}", *(f"     {step.what} {step.id}" for step in path[1:])]
            lines[-len(path)] += f" {path[0].what}"
        if len(found.paths) > 10:
            lines.append(f"  and {len(found.paths) - 10} more; -o json tells all of them.")
    elif found.reached is None:
        lines += ["Nothing that was read reaches it, but that is no proof, and it is kept:", f"  {found.reason}"]
    else:
        lines.append("Nothing reaches it.")
    times = {f", as of {one.as_of:%Y-%m-%d %H:%M} UTC" for one in found.looked}
    alike = times.pop() if len(times) == 1 else ""
    lines += ["", f"Looked through{alike}:"]
    lines += [
        f" {one.count:>6,} {one.what}" + ("" if alike else f", as of {one.as_of:%Y-%m-%d %H:%M} UTC")
        for one in found.looked
    ]
    lines += ["", "Not looked through:", *(f"  {reason}" for reason in found.not_looked), ""]
    facts = {name: value for name, value in found.facts.items() if name not in {"reachedBy", "dependents"}}
    lines += ["Facts:", *(f"  {name}: {_shown(value)}" for name, value in facts.items())]
    return [part for line in lines for part in _fitting(_plain(line))]


def row(found: Why) -> dict[str, Any]:
    """The answer for programs."""
    return {
        "image": found.image,
        "id": found.id,
        "tags": list(found.tags),
        "reached": found.reached,
        "reason": found.reason,
        "paths": [[{"what": step.what, "id": step.id} for step in path] for path in found.paths],
        "looked": [{"what": one.what, "count": one.count, "asOf": one.as_of.isoformat()} for one in found.looked],
        "notLooked": list(found.not_looked),
        "facts": found.facts,
    }


def _shown(value: Any) -> str:
    return f"unknown ({value['unknown']})" if isinstance(value, dict) else str(value)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _fitting(line: str) -> list[str]:
    """A line in as many as the terminal needs, between words only: ids stay whole."""
    wide = width()
    if wide is None or len(line) <= wide:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    first, *rest = wrapped(line.lstrip(), indent + "    ", wide)
    return [first.removeprefix("    "), *rest]


def _plain(line: str) -> str:
    """Without control characters, which names from outside may hold."""
    return "".join(character if character.isprintable() else "\ufffd" for character in line)
