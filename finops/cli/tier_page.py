"""A plan of tiers as one HTML file that needs nothing beside it: verdict, figures, picture, rules, what stays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.errors import UsageError

if TYPE_CHECKING:
    from finops.tiering.plan import TierPlan

_TEMPLATE = "tier-plan.html"


def write(made: TierPlan, file: Path, own: Path | None = None) -> None:
    """own: the site's folder of templates, whose tier-plan.html goes before ours."""
    text = page(made, own)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    except OSError as fault:
        raise UsageError(f"{file} cannot be written: {fault.strerror}.", "Name another file with --page.") from fault


def page(made: TierPlan, own: Path | None = None) -> str:
    from finops.report.templates import Templates
    from finops.report.words import Words

    return Templates(own, Words(digits=2)).render(_TEMPLATE, **_told(made))


def _told(made: TierPlan) -> dict[str, Any]:
    """What the template prints, all of it words: control characters in the names of blobs are taken out."""
    from finops.cli.tier_lines import basis, blobs, figures, money, plain, size
    from finops.tiering.picture import picture

    drawn = picture(made.aged, made.blobs, made.bytes)
    return {
        "account": made.account,
        "title": _title(made),
        "state": "refused" if made.refusals else "moves" if made.rules else "stays",
        "archives": any(tier == "Archive" for rule in made.rules for tier, _ in rule.days),
        "held": f"{blobs(made.blobs)}, {size(made.bytes)}",
        "as_of": f"{made.as_of:%d %b %Y %H:%M} UTC",
        "basis": basis(made),
        "confidence": "" if made.confidence is None else f"{made.confidence:.0%}",
        "horizon": made.horizon_days,
        "figures": figures(made) if made.rules else [],
        "picture": drawn,
        "sizes": {line.name: f"{size(line.bytes)}, {blobs(line.blobs)}" for line in drawn.lines},
        "told": [
            (line.name, bar.when, ", ".join(f"{part.tier} {size(part.bytes)}" for part in bar.parts) or "0 B")
            for line in drawn.lines
            for bar in line.bars
        ],
        "moved": f"{blobs(made.moved_blobs)}, {size(made.moved_bytes)}",
        "moves": [
            (f"{move.before} to {move.after}", blobs(move.blobs), size(move.bytes), money(move.month, made))
            for move in made.moves
        ],
        "rules": [
            {
                "name": rule.name,
                "days": ", ".join(f"{tier} after {number} days" for tier, number in rule.days),
                "saves": "" if made.net is None else money(rule.saving, made),
                "takes": f"{blobs(rule.blobs)}, {size(rule.bytes)}",
                "tags": [f"{name} = {value}" for name, value in rule.tags],
                "prefixes": [plain(prefix) for prefix in rule.prefixes],
            }
            for rule in made.rules
        ],
        "kept": made.kept,
        "replaced": made.replaced,
        "aside": [(plain(each.reason), blobs(each.blobs), size(each.bytes)) for each in made.aside],
        "no_archive": made.no_archive,
        "unresolved": [plain(each) for each in made.unresolved],
        "notes": [plain(each) for each in made.notes],
        "refusals": [plain(each) for each in made.refusals],
        "fingerprint": made.fingerprint,
    }


def _title(made: TierPlan) -> str:
    """The verdict."""
    from finops.cli.tier_lines import money

    name = made.account.name
    if made.refusals:
        return f"The rules for {name} must not be put into force"
    if not made.rules:
        return f"Nothing is to be moved in {name}"
    return f"{name} can be kept for {money(made.month, made)} less a month"
