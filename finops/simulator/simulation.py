"""`simulation/` of an estate folder: how it lives on, and what Azure has not published yet.

world.json         the seed, the billing account, the first day that the ledger knows
profiles.jsonl     what people do with each resource: jobs a day, working hours, requests a minute, gigabytes
commitments.jsonl  reservations and savings plans
purchases.jsonl    charges that are not usage, past and to come
clusters.jsonl     nodes and jobs of each cluster, to the minute
lines.jsonl        the ledger's lines; ledger.jsonl what was used of them on the days that may still change
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.errors import DataError
from finops.simulator import focus
from finops.simulator.draws import key_of
from finops.simulator.store import Json

if TYPE_CHECKING:
    from finops.simulator.world import World

# The billing account of an estate that does not say: recordings of real estates have none.
ACCOUNT: Json = {
    "billingAccountId": "/providers/Microsoft.Billing/billingAccounts/0",
    "billingAccountName": "Recorded estate",
    "billingProfileId": "/providers/Microsoft.Billing/billingAccounts/0/billingProfiles/0",
    "billingProfileName": "Recorded estate",
    "invoiceSectionId": "/providers/Microsoft.Billing/billingAccounts/0/invoiceSections/0",
    "invoiceSectionName": "Recorded estate",
    "accountName": None,
    "accountOwner": None,
    "currency": "USD",
}


def recall(world: World) -> None:
    """Let `world` live on from where its folder left it; one without `simulation/` lives by its ARM bodies alone."""
    folder, life = world.folder / "simulation", world.life
    life.account = {**ACCOUNT, "currency": world.stamp.get("billingCurrency") or "USD"}
    known: dict[str, Json] = {}
    if (folder / "world.json").exists():
        about = json.loads((folder / "world.json").read_text("utf-8"))
        world.key = life.key = world.charges.key = int(about["key"])
        world.charges.since = date.fromisoformat(about["ledgerSince"]).toordinal() - date(1970, 1, 1).toordinal()
        life.account = about["account"]
        world.metrics.lives = True
        life.profiles = {line["id"].lower(): line for line in lines(folder / "profiles.jsonl")}
        life.commitments = list(lines(folder / "commitments.jsonl"))
        life.purchases = list(lines(folder / "purchases.jsonl"))
        known = {line["id"].lower(): line for line in lines(folder / "clusters.jsonl")}
        for line in lines(folder / "lines.jsonl"):
            told = {**about["common"], **line["fixed"]}
            fixed = {name: Decimal(value) if name in focus.DECIMALS else value for name, value in told.items()}
            number = key_of(line["key"], line["tags"])
            world.ledger.line(line["key"], line["tags"], focus.Line(line["id"], fixed, line["per"], number))
        for line in lines(folder / "ledger.jsonl"):
            world.ledger.days.setdefault(line[0], {})[line[1]] = line[2]
    life.begin()
    for key, cluster in life.clusters.items():
        if key in known:
            cluster.restore(known[key])
        else:
            cluster.adopt(world.nodes.get(key, []), life.now)


def remember(world: World, folder: Path, since: int) -> None:
    """Write everything that `recall` reads; days of the ledger before day `since` are left out."""
    life, ledger = world.life, world.ledger
    first = date.fromordinal(date(1970, 1, 1).toordinal() + since)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "profiles.jsonl", (life.profiles[key] for key in sorted(life.profiles)))
    write(folder / "commitments.jsonl", life.commitments)
    write(folder / "purchases.jsonl", life.purchases)
    write(folder / "clusters.jsonl", (cluster.state() for _, cluster in sorted(life.clusters.items())))
    kept = sorted({line for day, used in ledger.days.items() if day >= since for line in used})
    place = {line: number for number, line in enumerate(kept)}
    keys = ledger.keys()
    told = [_line(keys[line], ledger.lines[line]) for line in kept]
    alike = dict(sorted(set.intersection(*(set(line["fixed"].items()) for line in told)))) if told else {}
    for line in told:
        line["fixed"] = {name: value for name, value in line["fixed"].items() if name not in alike}
    write(folder / "lines.jsonl", told)
    about = {"key": world.key, "account": life.account, "ledgerSince": first.isoformat(), "common": alike}
    (folder / "world.json").write_text(json.dumps(about, indent=2) + "\n", "utf-8")
    write(
        folder / "ledger.jsonl",
        (
            [day, place[line], counted]
            for day in sorted(ledger.days)
            if day >= since
            for line, counted in sorted(ledger.days[day].items())
        ),
    )


def lines(file: Path) -> Iterator[Any]:
    """The JSON value on each line of `file`; none where the file is absent."""
    if not file.exists():
        return
    with file.open(encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except ValueError as fault:
                    raise DataError(
                        f"{file}, line {number} is not JSON: {fault}.", "Mend or remove that line."
                    ) from fault


def write(file: Path, values: Iterable[Any]) -> None:
    """One JSON value a line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", encoding="utf-8", newline="\n") as target:
        for value in values:
            target.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def _line(key: tuple[str, str], line: focus.Line) -> Json:
    fixed = {name: str(value) if isinstance(value, Decimal) else value for name, value in line.fixed.items()}
    known = {name: value for name, value in fixed.items() if value is not None}
    return {"key": key[0], "tags": key[1] or None, "id": line.resource_id, "per": line.per, "fixed": known}
