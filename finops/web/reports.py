"""The archive of cost reports, for whoever has a role: the list, a report, its files. It only shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from finops.report.archive import file_in, folder_of, kept
from finops.report.locales import writing
from finops.report.templates import Templates
from finops.report.words import Words

if TYPE_CHECKING:
    from .site import Site

PATH = "/reports"
# Shown in the browser; everything else is saved. A mail carries styles that this site's policy does not let through.
SHOWN = {
    ".html": "text/html; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
    ".json": "application/json",
}


def reports(site: Site, request: Request) -> Response:
    """The list, made from what lies in the archive now."""
    settings = site.settings
    templates = Templates(settings.folders.reports, Words(2, writing(settings.report.locale)))
    page = templates.render(
        "archive.html",
        reports=kept(folder_of(settings)),
        language=templates.words.writing.language,
        direction=templates.words.writing.direction,
        base=f"{PATH}/",
    )
    return HTMLResponse(page.encode("utf-8", "replace"))


def report_file(site: Site, request: Request) -> Response:
    """One file of the archive."""
    name = request.path_params["name"]
    if name == "index.html":
        return reports(site, request)
    settings = site.settings
    if name in {"style.css", "page.css"}:  # also where nothing was sent yet
        templates = Templates(settings.folders.reports, Words(2))
        return Response(templates.source(name), media_type="text/css")
    path = None if name.endswith("-mail.html") else file_in(folder_of(settings), name)
    if path is None:
        raise HTTPException(404, "There is no such report.")
    kind = SHOWN.get(path.suffix)
    if kind is None:
        return FileResponse(path, media_type="application/octet-stream", filename=name)
    return FileResponse(path, media_type=kind)
