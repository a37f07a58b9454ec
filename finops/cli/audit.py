"""`finops audit`: whether the audit trail is whole, what is on it, and its head, which is noted elsewhere."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from finops.cli.audit_export import export
from finops.cli.janitor_rows import show_rows
from finops.cli.output import note, output_option, show
from finops.cli.session import Session
from finops.errors import DataError, UsageError

if TYPE_CHECKING:
    from finops.state import Verified

Json = dict[str, Any]
config_option = click.option(
    "--config", type=click.Path(path_type=Path), help="Settings file.  [default: finops.yaml if it is there]"
)
GIVEN = "--head"
AT_FAULT = (
    "Change nothing in Azure until you know why. Keep a copy of the database as it is, see who can write it, and "
    "compare it with a backup. Where it is a backup that was restored, or the heads are of another database, say so "
    "to those who read this: what was done since is not on it. See docs/audit.md."
)
KEYLESS = "Give the key as the secret state.audit_key, and run it again."


@click.group()
def audit() -> None:
    """The audit trail: whether it is whole, what is on it, its head to note elsewhere. Changes nothing."""


audit.add_command(export)


@audit.command()
@click.option(
    GIVEN, "given", metavar="N:HASH", multiple=True, help="A head that was noted; may be given several times."
)
@click.option(
    "--mails", metavar="PATH", multiple=True, type=click.Path(path_type=Path, exists=True),
    help="A mail (.eml), or a folder of mails: each head at their foot must be on the trail.",
)  # fmt: skip
@output_option
@config_option
def verify(given: tuple[str, ...], mails: tuple[Path, ...], output: str, config: Path | None) -> None:
    """Say whether any entry of the audit trail was changed, moved, left out or cut off. Changes nothing.

    Each entry's hash covers the one before it. That the newest ones were cut off shows only by a head that was noted
    outside of the database: every receipt, digest and weekly report has one at its foot. Exits 1 when something is
    wrong, and says what to do.

    \b
    finops audit verify --mails mails-we-kept/
    finops audit verify --head 1204:9f2c...
    """
    from finops.cli.remembering import opened

    heads = dict(_heads(given, mails))
    with opened(Session(config)) as state:
        found = state.verify_audit(heads)
    rows: list[Json] = [
        {"Head": head, "Result": _said(head, found), "Noted in": where}
        for head, where in sorted(heads.items(), key=lambda one: _number(one[0]))
    ]
    if output == "table" and rows:
        show_rows(({"Entry": _number(row["Head"]), **row} for row in rows), ["Head", "Noted in"], "Heads")
    elif output != "table":
        show(rows, output, ["Head", "Result", "Noted in"])
    if found.fault:
        raise DataError(f"The audit trail is not whole. {found.fault}", KEYLESS if found.unread else AT_FAULT)
    for line in _whole(found, heads):
        note(line)


@audit.command()
@config_option
def head(config: Path | None) -> None:
    """Print the newest entry's number and hash, to note where nobody who can write the database can. Changes nothing.

    \b
    finops audit head
    """
    from finops.cli.remembering import opened

    with opened(Session(config)) as state:
        click.echo(state.audit_head())


@audit.command("show")
@click.option("--who", metavar="TEXT", help="Whose entries: people, commands, the guard.")
@click.option("--what", metavar="TEXT", help="What was done, such as 'finding acted' or 'delete'.")
@click.option("--resource", metavar="TEXT", help="A part of the resource's id.")
@click.option("--finding", type=click.IntRange(min=1), metavar="N", help="What concerns this finding.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="From this day on (UTC).")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Before this day (UTC).")
@click.option("--after", type=click.IntRange(min=0), default=0, metavar="N", help="Only entries after this one.")
@click.option("--limit", type=click.IntRange(min=0), default=50, show_default=True, help="The newest; 0: all.")
@output_option
@config_option
def entries(
    who: str | None, what: str | None, resource: str | None, finding: int | None, since: datetime | None,
    until: datetime | None, after: int, limit: int, output: str, config: Path | None,
) -> None:  # fmt: skip
    """Print entries of the audit trail, oldest first: who did what to what, and why. Changes nothing.

    Texts are compared without regard to case. Evidence and hashes are in every format but the table.

    \b
    finops audit show --finding 12
    finops audit show --resource onlineEndpoints/chat --since 2026-11-01 -o json
    """
    from finops.cli.remembering import opened

    texts = {"who": who, "what": what, "resource_id": resource}
    wanted = {name: text.lower() for name, text in texts.items() if text}
    first, last = (moment.replace(tzinfo=UTC) if moment else None for moment in (since, until))
    with opened(Session(config)) as state:
        kept: deque[Json] = deque(maxlen=limit or None)
        total = 0
        for entry in state.audit_entries(after):
            row = _row(entry)
            if (
                all(text in str(entry[name]).lower() for name, text in wanted.items())
                and (finding is None or finding in (row["evidence"].get("finding"), row["evidence"].get("record")))
                and (first is None or row["at"] >= first)
                and (last is None or row["at"] < last)
            ):
                total += 1
                kept.append(row)
    _print(list(kept), total, output)


def _print(rows: list[Json], total: int, output: str) -> None:
    from finops.approvals.naming import name_of

    if output == "table":
        brief = (
            {"Entry": row["number"], "At (UTC)": row["at"], "Who": row["who"], "What": row["what"],
             "Resource": name_of(row["resource_id"]) if row["resource_id"] else "", "Why": row["why"]}
            for row in rows
        )  # fmt: skip
        show_rows(brief, ["Resource", "Why"], "Audit trail")
    else:
        columns = [
            "number",
            "at",
            "who",
            "what",
            "resource_id",
            "why",
            "evidence",
            "intent",
            "keyed",
            "previous",
            "hash",
        ]
        show(rows, output, columns)
    if total > len(rows):
        note(f"The newest {len(rows):,} of {total:,} entries; --limit 0 prints all.")


def _row(entry: Json) -> Json:
    """An entry with its time and evidence as such; evidence that somebody broke is shown as it stands."""
    try:
        evidence = json.loads(entry["evidence"])
    except ValueError:
        evidence = {"unreadable": entry["evidence"]}
    evidence = evidence if isinstance(evidence, dict) else {"value": evidence}
    return {**entry, "at": datetime.fromisoformat(entry["at"]), "evidence": evidence}


def _heads(given: tuple[str, ...], mails: tuple[Path, ...]) -> Iterator[tuple[str, str]]:
    """Each head that was noted, and where."""
    from finops.mail.heads import heads_of
    from finops.state.audit import HEAD

    for path in mails:
        found, looked_at = heads_of(path)
        if not found:
            raise UsageError(
                f"No head stands in {path}: {looked_at} {'mail was' if looked_at == 1 else 'mails were'} looked at.",
                "Give the folder in which the janitor's and the weekly mails are kept, as .eml files.",
            )
        yield from found.items()
    for one in given:
        if not HEAD.fullmatch(one.strip().lower()):
            raise UsageError(
                f"'{one}' is no head.", "Write it as it was noted: the entry's number, ':', 64 hex digits."
            )
        yield one.strip().lower(), GIVEN


def _said(head: str, found: Verified) -> str:
    if head in found.missing:
        return "NOT on the trail"
    return "on the trail" if found.fault is None or found.missing else "not looked for"


def _whole(found: Verified, heads: dict[str, str]) -> Iterator[str]:
    entries = "1 entry" if found.entries == 1 else f"{found.entries:,} entries"
    yield f"The audit trail is whole: {entries}, each sealed by the one after it. Its head: {found.head}"
    if not heads:
        yield "Whether its end was cut off cannot be seen without a head that was noted: give --mails or --head."
        return
    newest = max(map(_number, heads))
    heads_said = "The head that was noted is" if len(heads) == 1 else f"All {len(heads)} heads that were noted are"
    yield f"{heads_said} on it, the newest at entry {newest}."
    if found.entries > newest:
        later = found.entries - newest
        yield f"{'1 entry is' if later == 1 else f'{later:,} entries are'} newer than that: note the head above, too."


def _number(head: str) -> int:
    return int(head.partition(":")[0])
