"""`finops tier`: what moving a storage account's blobs to cooler tiers would save and cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finops.cli import tier_apply, tier_options, tier_rehearse
from finops.cli.output import note, show
from finops.cli.session import Session, reads_azure

if TYPE_CHECKING:
    from finops.tiering.looking import Seen
    from finops.tiering.optimum import Optimum
    from finops.tiering.plan import TierPlan


@click.group()
def tier() -> None:
    """Access tiers of blobs: what to move where, what it saves, what it costs."""


@tier.command("plan")
@tier_options.account
@tier_options.inventory
@tier_options.protect
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), help="Write the plan as one HTML file, too.")
@tier_options.output
@reads_azure
@click.pass_context
def planned(
    context: click.Context,
    session: Session,
    account: str | None,
    paths: tuple[Path, ...],
    protect: tuple[str, ...],
    page: Path | None,
    output: str,
) -> None:
    """Work out few lifecycle rules for a storage account, and what they save. Changes nothing.

    Exits 1 where the rules must not be put into force, and says why.

    \b
    finops tier plan --account mldata
    finops tier plan --account mldata --inventory inventory/ -o json
    finops tier plan --account mldata --inventory inventory/ --page plan.html
    """
    from finops.cli.tier_lines import lines, row

    with _reckoned(session, account, paths, protect) as (made, _, _):
        if output == "table":
            click.echo("\n".join(lines(made)))
        else:
            show([row(made)], output)
        if page:
            from finops.cli.tier_page import write

            write(made, page, session.settings.folders.reports)
            note(f"The plan as a page: {page}")
    if made.refusals:
        context.exit(1)


@tier.command("explain")
@click.argument("what", metavar="BLOB|PREFIX")
@tier_options.account
@tier_options.inventory
@tier_options.protect
@tier_options.output
@reads_azure
def explained(
    session: Session, what: str, account: str | None, paths: tuple[Path, ...], protect: tuple[str, ...], output: str
) -> None:
    """Say where a blob, or all below a prefix, should be, and what each tier would cost. Changes nothing.

    BLOB is container/name, PREFIX the beginning of such paths.

    \b
    finops tier explain data/imagenet/train-0001.tar --account mldata --inventory inventory/
    finops tier explain data/imagenet/ --account mldata
    """
    from finops.cli.tier_lines import lot_lines, lot_row
    from finops.tiering.explain import explain

    with _reckoned(session, account, paths, protect) as (made, seen, chosen):
        lots = explain(chosen, made.rules, seen.protected, what)
    if output == "table":
        click.echo("\n".join(lot_lines(what, lots, made)))
    else:
        show([lot_row(lot, made.currency) for lot in lots], output)


@contextmanager
def _reckoned(
    session: Session, name: str | None, paths: tuple[Path, ...], protect: tuple[str, ...]
) -> Iterator[tuple[TierPlan, Seen, Optimum]]:
    from finops import estate
    from finops.jobs.tiering.planning import reckoned, seen_of

    with session.azure() as azure:
        seen = seen_of(azure, session.settings, estate.read(azure, session.now), name, session.now, protect)
        with reckoned(azure, seen, paths, session.now) as found:
            yield found.plan, found.seen, found.optimum


tier.add_command(tier_apply.apply)
tier.add_command(tier_apply.undo)
tier.add_command(tier_rehearse.rehearse)
