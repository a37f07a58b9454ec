"""The report as a PDF, for the files of those who keep paper: made from the page, by WeasyPrint (an extra)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from finops.errors import MissingExtra
from finops.report.templates import Templates

HOST = "picture:"
# Pango breaks a line between a plus and the currency behind it.
SIGN = re.compile(r"\+(?=[^\s\d<>\"])")


def pdf(templates: Templates, context: Mapping[str, Any], pictures: Mapping[str, bytes]) -> bytes:
    """The page on A4. Nothing is fetched from anywhere: pictures and styles are handed over. Equal figures give equal
    pages, but not equal bytes: WeasyPrint orders its objects as it likes.

    Raises MissingExtra where WeasyPrint, or a library that it needs, is not installed.
    """
    try:
        import weasyprint  # type: ignore[import-not-found,import-untyped,unused-ignore]
        import weasyprint.urls  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except (ImportError, OSError) as missing:  # OSError: its own libraries, such as Pango, are not there
        raise MissingExtra("A PDF of the report (report.attach)", "pdf") from missing

    def fetched(url: str, *_: object, **__: object) -> Any:
        name = url.removeprefix(HOST)
        if not url.startswith(HOST) or name not in pictures:
            raise ValueError(f"nothing is fetched for a report: {url}")
        return weasyprint.urls.URLFetcherResponse(url, pictures[name], {"Content-Type": "image/png"})

    html = templates.render(
        "weekly.html", **{**context, "frame": "print.html", "picture": lambda name: HOST + name, "with_services": True}
    )
    html = SIGN.sub("+\N{WORD JOINER}", html)
    styles = [weasyprint.CSS(string=templates.source(name)) for name in ("style.css", "print.css")]
    document = weasyprint.HTML(string=html, url_fetcher=fetched, base_url="picture:")
    made: bytes = document.write_pdf(stylesheets=styles, pdf_tags=True, pdf_identifier=context["name"].encode())
    return made
