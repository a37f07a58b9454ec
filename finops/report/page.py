"""The small local site that shows the reports folder and the outbox. It only answers GET, and acts on nothing."""

from __future__ import annotations

import html
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING

from finops.report.templates import Templates
from finops.report.words import Words

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

# A name from outside that looks like ours (DNS rebinding) is refused.
HOSTS = ["127.0.0.1", "localhost"]
_REST = "img-src 'self'; base-uri 'none'; form-action 'none'"
PAGE_POLICY = f"default-src 'none'; style-src 'self'; frame-src 'self'; frame-ancestors 'none'; {_REST}"
# A mail carries its styles in its elements; nothing else of it may run or load.
MAIL_POLICY = f"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; {_REST}"
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


def app(reports: Path, outbox: Path, own: Path | None = None) -> Starlette:
    """An ASGI site: / lists what there is, /reports/ is the folder, /outbox/NAME one mail.

    own: the folder of your own templates, as in folders.reports.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Route

    site = Site(reports, outbox, Templates(own, Words(2)))
    routes = [
        Route("/", site.home, methods=["GET"]),
        Route("/favicon.ico", site.no_icon, methods=["GET"]),
        Route("/{name:str}.css", site.style, methods=["GET"]),
        Route("/reports/{path:path}", site.report, methods=["GET"]),
        Route("/outbox/{name:str}", site.mail, methods=["GET"]),
        Route("/outbox/{name:str}/html", site.mail_html, methods=["GET"]),
        Route("/outbox/{name:str}/parts/{part:int}", site.mail_part, methods=["GET"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)])


class Site:
    """The pages, each a function of what lies in the two folders now."""

    def __init__(self, reports: Path, outbox: Path, templates: Templates) -> None:
        self.reports = reports
        self.outbox = outbox
        self.templates = templates

    async def home(self, request: Request) -> Response:
        pages = sorted(self.reports.glob("**/index.html"))
        return self._page(
            "home.html",
            reports=[{"name": _title(page), "path": _path(page.parent, self.reports)} for page in pages],
            mails=[{"file": path.name, **_heads(_read(path))} for path in self._mails()],
        )

    async def no_icon(self, request: Request) -> Response:
        from starlette.responses import Response

        return Response(status_code=204, headers=HEADERS)

    async def style(self, request: Request) -> Response:
        from starlette.responses import Response

        name = f"{request.path_params['name']}.css"
        if name not in {"style.css", "page.css"}:
            return _missing()
        return Response(self.templates.source(name), media_type="text/css", headers=HEADERS)

    async def report(self, request: Request) -> Response:
        """A file of the reports folder; nothing outside of it, links included."""
        from starlette.responses import FileResponse

        root = self.reports.resolve()
        wanted = (root / request.path_params["path"]).resolve()
        if wanted.is_dir():
            wanted = wanted / "index.html"
        if not wanted.is_relative_to(root) or not wanted.is_file() or wanted.name.startswith("."):
            return _missing()
        policy = MAIL_POLICY if wanted.name == "mail.html" else PAGE_POLICY
        return FileResponse(wanted, headers={**HEADERS, "Content-Security-Policy": policy})

    async def mail(self, request: Request) -> Response:
        message = self._mail(request)
        if message is None:
            return _missing()
        text = message.get_body(("plain",))
        return self._page(
            "message.html",
            file=request.path_params["name"],
            head=_heads(message),
            text=text.get_content() if text else "",
            has_html=message.get_body(("html",)) is not None,
            attachments=[
                {"number": number, "name": part.get_filename() or "attachment"}
                for number, part in enumerate(message.walk())
                if part.is_attachment()
            ],
        )

    async def mail_html(self, request: Request) -> Response:
        """The mail's HTML, its pictures served from its own parts."""
        from starlette.responses import HTMLResponse

        message = self._mail(request)
        body = message.get_body(("html",)) if message else None
        if message is None or body is None:
            return _missing()
        shown = body.get_content()
        for number, part in enumerate(message.walk()):
            cid = str(part["Content-ID"] or "").strip("<>")
            if cid:
                shown = shown.replace(f"cid:{cid}", f"parts/{number}")
        return HTMLResponse(shown, headers={**HEADERS, "Content-Security-Policy": MAIL_POLICY})

    async def mail_part(self, request: Request) -> Response:
        """A picture to show or an attachment to save; whatever else it says it is, it is saved, never shown."""
        from starlette.responses import Response

        message = self._mail(request)
        parts = list(message.walk()) if message else []
        number = request.path_params["part"]
        if not 0 <= number < len(parts) or parts[number].is_multipart():
            return _missing()
        part = parts[number]
        headers = {**HEADERS, "Content-Security-Policy": PAGE_POLICY}
        if part.get_content_type() == "image/png":
            return Response(part.get_payload(decode=True), media_type="image/png", headers=headers)
        name = "".join(char for char in part.get_filename() or "part" if char.isalnum() or char in "._-")
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return Response(part.get_payload(decode=True), media_type="application/octet-stream", headers=headers)

    def _mails(self) -> list[Path]:
        return sorted(path for path in self.outbox.glob("*.eml") if not path.name.startswith(".") and path.is_file())

    def _mail(self, request: Request) -> EmailMessage | None:
        """The mail named in the address, if it is one that the list shows."""
        known = {path.name: path for path in self._mails()}
        path = known.get(request.path_params["name"])
        return _read(path) if path else None

    def _page(self, template: str, **context: object) -> Response:
        from starlette.responses import HTMLResponse

        page = self.templates.render(template, **context)
        return HTMLResponse(page, headers={**HEADERS, "Content-Security-Policy": PAGE_POLICY})


def _title(page: Path) -> str:
    """What the page calls itself: the report's subject."""
    found = re.search(r"<title>(.*?)</title>", page.read_text("utf-8"), re.DOTALL)
    return html.unescape(found[1]) if found else page.parent.name


def _path(folder: Path, root: Path) -> str:
    """The folder as seen from `root`, ending in a slash; the root itself is empty."""
    path = folder.relative_to(root).as_posix()
    return "" if path == "." else f"{path}/"


def _read(path: Path) -> EmailMessage:
    message = message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def _heads(message: EmailMessage) -> dict[str, str]:
    return {name: str(message[name] or "") for name in ("Subject", "From", "To", "Date")}


def _missing() -> Response:
    from starlette.responses import PlainTextResponse

    return PlainTextResponse("There is nothing here.", 404, headers={**HEADERS, "Content-Security-Policy": PAGE_POLICY})
