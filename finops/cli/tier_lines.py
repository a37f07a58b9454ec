"""How plans of tiers and the lots of blobs read: lines for people, rows for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finops.tiering.explain import Lot
    from finops.tiering.plan import TierPlan

_WIDTH = 80
CENT = Decimal("0.01")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_MOST = 10


def lines(made: TierPlan) -> list[str]:
    """A plan on eighty columns."""
    title = f"{made.account.name}  {made.account.region}, {made.account.redundancy}"
    told = [
        f"{title}{', hierarchical' if made.account.hns else ''}",
        f"  {blobs(made.blobs)}, {size(made.bytes)}, as of {made.as_of:%d %b %Y %H:%M} UTC",
        *_wrapped(
            "  ",
            f"Ages count from the {basis(made)}. "
            + (
                "Reads are not recorded: what they cost is not known."
                if made.confidence is None
                else f"Reads are forecast for {made.horizon_days} days, with a confidence of {made.confidence:.0%}."
            ),
        ),
        "",
    ]
    if not made.rules:
        told += _wrapped("  ", "Nothing is to be moved: no rule would save more than it costs.")
    else:
        told += [*_figures(made), "", *_moves(made), "", *_rules(made)]
    told += [*_listed("Not considered", [f"{each.reason}: {blobs(each.blobs)}, {size(each.bytes)}" for each in
                                         made.aside])]  # fmt: skip
    if made.no_archive:
        mend = " Mend or delete what is listed here to have it considered." if made.unresolved else ""
        told += ["", *_wrapped("  ", f"Nothing is archived: {made.no_archive}.{mend}")]
        told += _listed("Not resolved", made.unresolved, gap=False)
    told += _listed("Note", made.notes)
    told += _listed("Refused", made.refusals)
    return [plain(line) for line in told]


def _figures(made: TierPlan) -> list[str]:
    found = figures(made)
    width = max(len(amount) for _, amount, _ in found)
    return [f"  {name:<16} {amount:>{width}}  {said}".rstrip() for name, amount, said in found]


def figures(made: TierPlan) -> list[tuple[str, str, str]]:
    """What a plan comes to: name, amount, what it means. Unknown figures are not among them."""
    share = "unknown" if made.share is None else f"{made.share * 100:.1f}%"
    today = "" if made.of_today is None else f"{made.of_today * 100:.1f}% of today's cost"
    days = made.payback_days
    pays = "never earned again" if days is None else f"earned again in {days:,} {'day' if days == 1 else 'days'}"
    if made.net is None and days is not None:
        pays += ", if not read"
    told = [
        ("Saves a month", money(made.month, made), ""),
        ("Costs once", money(made.once, made), pays),
    ]
    if made.reads is None or made.net is None or made.coming is None:
        told += [
            ("If never read", money(made.unread, made), f"saved in {made.horizon_days} days, at most"),
            ("Each time read", money(made.worst, made), "more in a month when all of it is read once"),
        ]
    else:
        told += [
            ("Reads add", money(made.reads, made), f"expected in {made.horizon_days} days"),
            ("Saves in all", money(made.net, made), today),
            ("Of the optimum", share, "of what deciding blob by blob would save"),
            ("Coming", money(made.coming, made), "by blobs that grow old enough meanwhile"),
            ("Worst case", money(made.worst, made), "more than today, if all of it is read back"),
        ]
    if made.worst_high is not None:
        told.append(("At high priority", money(made.worst_high, made), "the same, if what is in Archive is urgent"))
    if made.noting_month is not None:
        told.append(("Noting reads", money(made.noting_month, made), "a month, already paid"))
    return told


def _moves(made: TierPlan) -> list[str]:
    told = [f"  Moves {blobs(made.moved_blobs)}, {size(made.moved_bytes)}:"]
    return told + [
        f"    {move.before:>5} -> {move.after:<8} {move.blobs:>12,} blobs {size(move.bytes):>11} "
        f"{money(move.month, made)} a month"
        for move in made.moves
    ]


def _rules(made: TierPlan) -> list[str]:
    told = [f"  {len(made.rules)} {'rule' if len(made.rules) == 1 else 'rules'}, as Azure takes them with -o json:"]
    for rule in made.rules:
        days = ", ".join(f"{tier} after {number} days" for tier, number in rule.days)
        saves = "" if made.net is None else f"; saves {money(rule.saving, made)}"
        told += _wrapped("    ", f"{rule.name}: {days}{saves}", deeper=2)
        told += _wrapped("      ", rule.takes)
    if made.kept:
        told += _wrapped("    ", f"Stay as they are: {', '.join(made.kept)}", deeper=2)
    if made.replaced:
        told += _wrapped("    ", f"Replaced: {', '.join(made.replaced)}", deeper=2)
    return told


def _listed(title: str, sentences: Iterable[str], gap: bool = True) -> list[str]:
    found = list(sentences)
    if not found:
        return []
    told = ["", f"  {title}:"] if gap else [f"  {title}:"]
    for each in found[:_MOST]:
        told += _wrapped("    ", each, deeper=2)
    return told + ([f"    and {len(found) - _MOST} more (-o json)"] if len(found) > _MOST else [])


def row(made: TierPlan) -> dict[str, Any]:
    """A plan, whole. Money as decimals, in `currency`."""
    account = made.account
    told = {
        "account": account.name, "id": account.id, "region": account.region, "redundancy": account.redundancy,
        "hierarchical": account.hns, "asOf": made.as_of.isoformat(), "basis": made.basis,
        "confidence": made.confidence, "horizonDays": made.horizon_days, "currency": made.currency,
        "blobs": made.blobs, "bytes": made.bytes, "movedBlobs": made.moved_blobs, "movedBytes": made.moved_bytes,
        "savingMonth": made.month, "once": made.once, "paybackDays": made.payback_days, "reads": made.reads,
        "saving": made.net, "savingUnread": made.unread, "coming": made.coming, "worst": made.worst,
        "worstHigh": made.worst_high,
        "today": made.stay, "ofToday": made.of_today,
        "optimum": made.optimum, "ofOptimum": made.share, "notingMonth": made.noting_month,
        "readsADay": _often(made),
    }  # fmt: skip
    unknown: dict[str, Any] = {"reads": None, "net": None} if made.net is None else {}
    return told | {
        "moves": [asdict(move) | unknown for move in made.moves],
        "rules": [
            {
                "name": rule.name,
                "saving": None if unknown else rule.saving,
                "blobs": rule.blobs,
                "bytes": rule.bytes,
                "azure": rule.body(),
            }
            for rule in made.rules
        ],
        "policy": made.policy,
        "kept": list(made.kept),
        "replaced": list(made.replaced),
        "aside": [asdict(each) for each in made.aside],
        "noArchive": made.no_archive,
        "unresolved": list(made.unresolved),
        "refusals": list(made.refusals),
        "notes": list(made.notes),
        "fingerprint": made.fingerprint,
    }


def _often(made: TierPlan) -> dict[str, Any] | None:
    """How often a blob is read on a day on which it is, and how that is known."""
    if made.often is None:
        return None
    days = {"from": made.often.start, "until": made.often.end}
    return {
        "reads": round(made.often.reads, 2),
        "part": round(made.often.part, 4),
        "source": made.often.source,
        **{name: day.isoformat() if day else None for name, day in days.items()},
        "reason": made.often.reason,
        "bearable": made.bearable,
    }


def lot_lines(what: str, lots: Sequence[Lot], made: TierPlan) -> list[str]:
    told = [f"{what}  {blobs(sum(lot.blobs for lot in lots))}, {size(sum(lot.bytes for lot in lots))}"]
    for lot in lots:
        told += ["", f"  {blobs(lot.blobs)} in {lot.tier or 'no tier'}, "
                     f"{size(lot.bytes)}"]  # fmt: skip
        if lot.reason:
            told += _wrapped("    ", f"Not considered: {lot.reason}.", deeper=2)
            continue
        ages = f"{lot.youngest:,}" if lot.youngest == lot.oldest else f"{lot.youngest:,} to {lot.oldest:,}"
        told.append(f"    {ages} days since the {basis(made)}")
        if lot.chance is None:
            told.append(f"    Reads are not recorded. Without reads, {made.horizon_days} days cost:")
        else:
            told.append(f"    Read in the next {made.horizon_days} days with a chance of {_percent(lot.chance)}")
        told += _costs(lot, made)
        told += _wrapped("    ", f"Moved by {lot.rule}" if lot.rule else "No rule moves it now", deeper=2)
    return [plain(line) for line in told]


def _costs(lot: Lot, made: TierPlan) -> list[str]:
    told = []
    for tier, cost in (lot.costs or {}).items():
        marks = {
            "now": tier == lot.tier,
            "best": tier == lot.best and lot.chance is not None,
            "by rule": bool(lot.rule) and tier == lot.ruled,
        }
        said = ", ".join(mark for mark, so in marks.items() if so)
        told.append(f"    {tier:<8} {money(cost, made):>16}  {said}".rstrip())
    if "Archive" not in (lot.costs or {}):
        offered = "Archive" in made.account.tiers
        why = made.no_archive or ("it is too likely to be read" if offered else "not offered with this redundancy")
        told += _wrapped("    ", f"Archive is out of the question: {why}", deeper=2)
    return told


def lot_row(lot: Lot, currency: str) -> dict[str, Any]:
    return asdict(lot) | {"currency": currency}


def size(number: int) -> str:
    """Bytes in the unit that leaves the fewest digits; Azure's GB are GiB."""
    amount, unit = Decimal(number), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:,.0f} {_UNITS[unit]}" if unit == 0 else f"{amount:,.1f} {_UNITS[unit]}"


def blobs(number: int) -> str:
    return "1 blob" if number == 1 else f"{number:,} blobs"


def basis(made: TierPlan) -> str:
    return "last access" if made.basis == "last access" else "last modification"


def _percent(chance: Decimal) -> str:
    return f"{chance * 100:.1f}%"


def money(amount: Decimal, made: TierPlan) -> str:
    if 0 < amount < CENT:
        return f"under {CENT} {made.currency}"
    return f"{amount:,.2f} {made.currency}"


def _wrapped(indent: str, text: str, deeper: int = 0) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=indent, subsequent_indent=indent + " " * deeper, break_on_hyphens=False
    )


def plain(line: str) -> str:
    # Control characters in a blob's name would move the cursor or colour the terminal.
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
