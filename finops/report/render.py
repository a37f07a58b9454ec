"""Turn a report's figures into what people read: subject, plain text, HTML, pictures, workbook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from finops.errors import DataError
from finops.report import periods
from finops.report.charts import charts
from finops.report.model import Completeness, Money, Report
from finops.report.table import SMALLEST_BASE
from finops.report.templates import Templates
from finops.report.words import Words, until
from finops.report.workbook import workbook

if TYPE_CHECKING:
    from finops.config.model import Settings

# Gmail cuts mails near 102 KB, and what it cuts is the end, without a word (measured about 105 KB in 2024).
LARGEST_HTML = 80_000
HOST = "aml-finops"
BRIDGE = ", as far as subscriptions show it: what was bought for the whole tenant is not in here, the invoice has it"
BASIS = {"effective": "Effective (amortised) cost", "billed": "Billed cost"}


@dataclass(frozen=True)
class Rendered:
    """A report ready to be mailed or shown. `html` refers to `images` by content id, `page` by file name."""

    name: str
    made: datetime
    subject: str
    text: str
    html: str
    page: str
    page_mail: str
    styles: dict[str, str]
    images: dict[str, bytes]
    workbook: bytes
    warnings: tuple[str, ...]


def render(model: Report, settings: Settings) -> Rendered:
    """The report in all its forms; equal figures and settings give equal bytes.

    Raises ConfigError when a template of folders.reports is wrong, DataError when the mail would be cut by Gmail.
    """
    words = Words(model.digits)
    templates = Templates(settings.folders.reports, words)
    context = _context(model, settings, words)
    context["warnings"] = templates.lines("weekly.warnings.txt", **context)
    context["notes"] = templates.lines("weekly.notes.txt", **context)
    context["savings_says"] = templates.lines("weekly.savings.txt", **context)
    context["verdict"] = templates.line("weekly.verdict.txt", **context)
    context["preheader"] = templates.line("weekly.preheader.txt", **context)
    context["subject"] = templates.line("weekly.subject.txt", **context).replace("\N{WORD JOINER}", "")

    def html(frame: str, picture: Callable[[str], str]) -> str:
        return templates.render("weekly.html", frame=frame, picture=picture, **context)

    def beside(name: str) -> str:
        return f"{model.name}-{name}.png"

    mail = inlined(html("base.html", lambda name: f"cid:{name}@{HOST}"))
    if len(mail.encode()) > LARGEST_HTML:
        raise DataError(
            f"The mail would be {len(mail.encode()):,} bytes of HTML; Gmail cuts it off near 102,000.",
            f"Lower report.top from {settings.report.top}: the workbook keeps every row.",
        )
    return Rendered(
        name=model.name,
        made=model.made,
        subject=context["subject"],
        text=templates.render("weekly.txt", **context),
        html=mail,
        page=html("page.html", beside),
        page_mail=inlined(html("base.html", beside)),
        styles={name: templates.source(name) for name in ("style.css", "page.css")},
        images={f"{name}@{HOST}": png for name, png in charts(model).items()},
        workbook=workbook(model, context["notes"], context["warnings"]),
        warnings=tuple(context["warnings"]),
    )


def _context(model: Report, settings: Settings, words: Words) -> dict[str, Any]:
    """What templates see: `report` with every figure, and the sentences made of it."""
    effective, billed = model.total.cost, model.other_total
    if model.basis == "billed":
        effective, billed = billed, effective
    return {
        "report": model,
        "name": model.name,
        "basis": BASIS[model.basis],
        "tax": "with tax" if any(kind.name == "Tax" for kind in model.categories) else "before tax",
        "totals": {"effective": effective, "billed": billed},
        "reach": _reach(model.completeness),
        "bridge": "" if model.kinds_told else BRIDGE,
        "smallest_base": Money(SMALLEST_BASE, model.currency),
        "last_data_day": periods.last_day(model.completeness.data),
        "changes_against": f"; changes are against {model.wording.before}" if model.before else "",
        "recipients": ", ".join(settings.mail.finance),
        "alt_cost": _attribute(_alt_cost(model, words)),
        "alt_movers": _attribute(_alt_movers(model, words)),
    }


def _reach(data: Completeness) -> str:
    """How far the data goes; it is called complete only where nothing is missing from it."""
    if data.gaps or not data.covers_period:
        return f"data incomplete, to {periods.written(periods.last_day(data.data))}"
    if data.until:
        return f"data complete to {until(data.until)}"
    return f"data to {periods.written(periods.last_day(data.data))}"


def _alt_cost(model: Report, words: Words) -> str:
    """The first chart in words, for those who do not see it."""
    curve = model.curve
    last = curve.days[-1]
    parts = [f"{words.money(last.so_far)} by {periods.short(last.day)}"]
    if curve.before_days:
        parts.append(f"{curve.before_name} ended at {words.money(curve.before_days[-1].so_far)}")
    if curve.budget:
        parts.append(f"the budget is {words.money(curve.budget)}")
    return f"Chart of {curve.title}: {'; '.join(parts)}."


def _alt_movers(model: Report, words: Words) -> str:
    if model.movers is None:
        rows = model.by_cost_centre.rows
        return "Chart of cost by cost centre: " + "; ".join(f"{row.name} {words.money(row.shown_cost)}" for row in rows)
    if model.movers.moved and not model.movers.bars:
        return f"Chart of change by cost centre: spread over {model.movers.moved:,} cost centres."
    bars = [f"{line.name} {words.signed(line.shown_change)}" for line in model.movers.bars]
    return f"Chart of change by cost centre: {'; '.join(bars) or 'no cost centre changed'}."


def _attribute(text: str) -> str:
    """`text` without <, which css-inline rightly leaves unescaped in attributes; not every mail sanitiser agrees."""
    return text.replace("<", "‹").replace(">", "›")


def inlined(html: str) -> str:
    """`html` with its styles worked into each element; the @media rules stay in the head."""
    import css_inline

    inliner = css_inline.CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)
    return inliner.inline(html)
