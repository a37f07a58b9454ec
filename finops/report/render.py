"""Turn a report's figures into what people read: subject, plain text, HTML, pictures, workbook, attachments."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from finops.errors import DataError
from finops.report.charts import charts
from finops.report.figures_json import figures_json
from finops.report.locales import writing
from finops.report.model import Report
from finops.report.telling import told
from finops.report.templates import Templates
from finops.report.words import Words
from finops.report.workbook import workbook
from finops.report.workbook_csv import lines_file

if TYPE_CHECKING:
    from finops.config.model import Settings

# Gmail cuts mails near 102 KB, and what it cuts is the end, without a word (measured about 105 KB in 2024).
LARGEST_HTML = 80_000
HOST = "aml-finops"
BLANK_LINES = re.compile(r"\n{4,}")


@dataclass(frozen=True)
class Rendered:
    """A report ready to be mailed or shown. `html` refers to `images` by content id, `page` by file name.

    attachments: what report.attach asks for beside the workbook, by file name. figures: all of them, as JSON.
    """

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
    preheader: str = ""
    verdict: str = ""
    attachments: dict[str, bytes] = field(default_factory=dict)
    figures: bytes = b"{}\n"


def render(model: Report, settings: Settings) -> Rendered:
    """The report in all its forms; equal figures and settings give equal bytes.

    Raises ConfigError when a template of folders.reports is wrong, DataError when the mail would be cut by Gmail.
    """
    templates = Templates(settings.folders.reports, Words(model.digits, writing(settings.report.locale)))
    words = templates.words
    lines = dict([lines_file(model)]) if "csv" in settings.report.attach else {}
    paper = [f"{model.name}.pdf"] if "pdf" in settings.report.attach else []
    context = told(model, settings, words, templates, [f"{model.name}.xlsx", *lines, *paper])

    def html(frame: str, picture: Callable[[str], str], with_services: bool = True) -> str:
        whole = {**context, "frame": frame, "picture": picture, "with_services": with_services}
        return templates.render("weekly.html", **whole)

    def beside(name: str) -> str:
        return f"{model.name}-{name}.png"

    def mailed(picture: Callable[[str], str]) -> str:
        """The mail; where it would be too long, services are left to the workbook."""
        found = inlined(html("base.html", picture))
        return found if len(found.encode()) <= LARGEST_HTML else inlined(html("base.html", picture, False))

    mail = mailed(lambda name: f"cid:{name}@{HOST}")
    if len(mail.encode()) > LARGEST_HTML:
        raise DataError(
            f"The mail would be {len(mail.encode()):,} bytes of HTML; Gmail cuts it off near 102,000.",
            f"Lower report.top from {settings.report.top}: the workbook keeps every row.",
        )
    pictures = charts(model, words)
    return Rendered(
        name=model.name,
        made=model.made,
        subject=context["subject"],
        text=BLANK_LINES.sub("\n\n\n", templates.render("weekly.txt", **context)),
        html=mail,
        page=html("page.html", beside),
        page_mail=mailed(beside),
        styles={name: templates.source(name) for name in ("style.css", "page.css")},
        images={f"{name}@{HOST}": png for name, png in pictures.items()},
        workbook=workbook(model, context["notes"], context["warnings"]),
        warnings=tuple(context["warnings"]),
        preheader=context["preheader"],
        verdict=context["verdict"],
        attachments={**lines, **{name: _pdf(templates, context, pictures) for name in paper}},
        figures=figures_json(model, context["subject"], context["verdict"]),
    )


def _pdf(templates: Templates, context: dict[str, Any], pictures: dict[str, bytes]) -> bytes:
    from finops.report.pdf import pdf

    return pdf(templates, context, pictures)


def inlined(html: str) -> str:
    """`html` with its styles worked into each element; the @media rules stay in the head."""
    import css_inline

    inliner = css_inline.CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)
    return inliner.inline(html)
