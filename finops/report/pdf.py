"""The report as a PDF, for the files of those who keep paper: made from the page, by WeasyPrint (an extra)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finops.errors import MissingExtra
from finops.report.templates import Templates

HOST = "picture:"


def pdf(templates: Templates, context: Mapping[str, Any], pictures: Mapping[str, bytes]) -> bytes:
    """The page on A4. Nothing is fetched from anywhere: pictures and styles are handed over.

    Raises MissingExtra where WeasyPrint, or a library that it needs, is not installed.
    """
    try:
        import weasyprint
    except (ImportError, OSError) as missing:  # OSError: its own libraries, such as Pango, are not there
        raise MissingExtra("A PDF of the report (report.attach)", "pdf") from missing

    def fetched(url: str, *_: object, **__: object) -> dict[str, object]:
        name = url.removeprefix(HOST)
        if not url.startswith(HOST) or name not in pictures:
            raise ValueError(f"nothing is fetched for a report: {url}")
        return {"string": pictures[name], "mime_type": "image/png"}

    html = templates.render(
        "weekly.html", **{**context, "frame": "print.html", "picture": lambda name: HOST + name, "with_services": True}
    )
    styles = [weasyprint.CSS(string=templates.source(name)) for name in ("style.css", "print.css")]
    document = weasyprint.HTML(string=html, url_fetcher=fetched, base_url="picture:")
    made: bytes = document.write_pdf(stylesheets=styles, pdf_tags=True, pdf_identifier=context["name"].encode())
    return made
