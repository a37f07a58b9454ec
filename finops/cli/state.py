"""`finops state`: back up what is remembered, restore it, and say whether it is well."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from finops.cli.output import note, output_option, show
from finops.cli.session import Session

if TYPE_CHECKING:
    from finops.config.model import Settings

config_option = click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file.  [default: finops.yaml if it is there]"
)


@click.group()
def state() -> None:
    """What finops remembers: back it up, restore it, check it, tidy it."""


@state.command()
@click.argument("to", type=click.Path(path_type=Path))
@click.option(
    "--form", type=click.Choice(["sqlite", "portable", "pg_dump"]),
    help="sqlite: a database file; portable: rows that restore into SQLite and PostgreSQL; pg_dump: by that program."
    "  [default: sqlite of SQLite, portable of PostgreSQL]",
)  # fmt: skip
@click.option("--replace", is_flag=True, help="Write over an older file of that name.")
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="TO is a folder: keep its newest N backups.")
@click.option("--as-it-is", is_flag=True, help="Even if the audit trail is not whole, or its key is not given.")
@output_option
@config_option
def backup(
    to: Path, form: str | None, replace: bool, keep: int | None, as_it_is: bool, output: str, config: Path | None
) -> None:  # fmt: skip
    """Write a backup to TO, a file or a folder. Changes nothing else; the daemon goes on meanwhile.

    It is one moment of the database, written beside and named at the end, for its owner only, and read back: the
    database must hold together and its audit trail must be whole. Its SHA-256 stands beside it.

    \b
    finops state backup /backups/ --keep 14
    finops state backup state.jsonl.gz --form portable
    """
    from datetime import UTC, datetime

    from finops.errors import UsageError
    from finops.state.backup import back_up, keep_newest

    settings = Session(config).settings
    if keep and not to.is_dir():
        raise UsageError(f"--keep was given, and {to} is no folder.", "Give a folder, which must be there.")
    made = back_up(
        settings.state.url, to, datetime.now(UTC), key=key_of(settings), form=form, replace=replace, as_it_is=as_it_is  # type: ignore[arg-type]
    )  # fmt: skip
    removed = keep_newest(to, keep) if keep else []
    row = {
        "Backup": str(made.path), "Form": made.form, "Schema": made.content.schema, "Bytes": made.size,
        "Rows": sum(made.content.rows.values()), "Head": made.content.trail.head, "SHA-256": made.sum,
    }  # fmt: skip
    if output != "table":
        show([row], output, list(row))
    else:
        click.echo(f"{made.path}: {made.size:,} bytes, {row['Rows']:,} rows, schema {made.content.schema}.")
        click.echo(f"Read back: it holds together. The head of its audit trail: {made.content.trail.head}")
    if made.content.trail.fault:
        note(f"As it is: its audit trail is NOT whole. {made.content.trail.fault}")
    if removed:
        note(f"{len(removed)} older {'backup was' if len(removed) == 1 else 'backups were'} removed from {to}.")


def key_of(settings: Settings) -> bytes | None:
    """The key that seals the audit trail, where there is one."""
    key = settings.state.audit_key
    return key.get_secret_value().encode() if key else None


@state.command()
@click.argument("backup_", metavar="BACKUP", type=click.Path(path_type=Path))
@click.option("--to", metavar="URL", help="Another database, such as one to move to.  [default: state.url]")
@click.option("--force-with-name", metavar="NAME", help="The name of a database that is not empty: it is put aside.")
@click.option("--keep-approvals", is_flag=True, help="Nothing was done since the backup: approvals still hold.")
@click.option("--as-it-is", is_flag=True, help="Even if the audit trail is not whole, or its key is not given.")
@output_option
@config_option
def restore(
    backup_: Path, to: str | None, force_with_name: str | None, keep_approvals: bool, as_it_is: bool, output: str,
    config: Path | None,
) -> None:  # fmt: skip
    """Make the database what BACKUP holds: all of it, or nothing. Changes the state; needs every other finops stopped.

    The backup is read and checked first; one of an older version is brought up to this one. What was there before is
    put aside, never deleted. Approvals are withdrawn, for nobody knows whether they were used since.

    \b
    finops state restore /backups/finops-state-20261122T060000Z.db
    finops state restore state.jsonl.gz --to postgresql://finops@db/finops
    """
    from datetime import UTC, datetime

    from finops.approvals.withdrawing import withdraw
    from finops.cli.changing import who
    from finops.cli.state_lines import told
    from finops.state.restoring import restore as put_back

    settings = Session(config).settings
    now, whose = datetime.now(UTC), who("finops state restore")
    done = put_back(
        to or settings.state.url, backup_, now, whose, key=key_of(settings), name=force_with_name, as_it_is=as_it_is,
        mend=None if keep_approvals else lambda change, records: withdraw(change, records, now, whose),
    )  # fmt: skip
    if output != "table":
        row = {
            "Backup": str(done.backup), "To": done.to, "Schema": done.content.schema, "Rows": done.content.rows,
            "Head": done.content.trail.head, "Newest": done.newest, "Aside": done.aside,
            "Open intents": done.content.open_intents, "Withdrawn": list(done.withdrawn), "Owed": done.owed,
            "Lost": vars(done.lost) if done.lost else None,
        }  # fmt: skip
        show([row], output, list(row))
        return
    for line in told(done):
        click.echo(line)


@state.command()
@click.option("--backup", "backup_", type=click.Path(path_type=Path), help="Look at this SQLite backup, not the state.")
@output_option
@config_option
@click.pass_context
def check(context: click.Context, backup_: Path | None, output: str, config: Path | None) -> None:
    """Say whether the state is well: file, schema, audit trail, acts, disk, clock. Changes nothing.

    Exits 1 where something is to be mended, 20 where something could not be looked at, 0 otherwise.

    \b
    finops state check
    finops state check --backup /backups/finops-state-20261122T060000Z.db -o json
    """
    from datetime import UTC, datetime

    from finops.errors import PARTIAL, FinopsError
    from finops.state import aside, checking

    settings = Session(config).settings
    found = checking.check(str(backup_ or settings.state.url), datetime.now(UTC), key_of(settings))
    if backup_:
        aside.matches_its_sum(backup_)
    rows = [
        {"Result": "FAULT" if one.result == "fault" else one.result, "Check": one.name, "Said": one.said, "Do": one.fix}
        for one in found
    ]
    show(rows, output, ["Result", "Check", "Said", "Do"], title="State")
    faults = [one for one in found if one.result == "fault"]
    if faults:
        raise FinopsError(f"{', '.join(one.name for one in faults)}: not well.", "See above what to do.")
    if any(one.result == "unknown" for one in found):
        context.exit(PARTIAL)


@state.command()
@click.option("--yes", is_flag=True, help="Do it; without it only the days are printed.")
@output_option
@config_option
def tidy(yes: bool, output: str, config: Path | None) -> None:
    """Forget what is past its days (state.keep), and give the space back. With --yes this changes the state.

    Never forgotten: the audit trail, acts, findings and what was decided on them, what is still owed to somebody, and
    what savings in reports are reckoned from. The daemon does this by itself every night.

    \b
    finops state tidy
    finops state tidy --yes
    """
    from datetime import UTC, datetime

    from finops.cli.remembering import opened
    from finops.state.keeping import Keep

    session = Session(config)
    keep = Keep(**session.settings.state.keep.model_dump())
    if not yes:
        rows = [{"What": name.removesuffix("_days"), "Days": days} for name, days in vars(keep).items()]
        show(rows, output, ["What", "Days"], title="Kept for")
        note("Nothing was changed: say --yes to forget what is older.")
        return
    with opened(session) as remembered:
        forgotten = remembered.forget(keep, datetime.now(UTC))
        smaller = remembered.shrink()
    show([{**forgotten, "bytes": smaller}], output, [*forgotten, "bytes"], title="Forgotten")
