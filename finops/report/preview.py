"""A look at the report while its templates are edited: served on this machine, made anew when a file changes."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from finops.errors import FinopsError
from finops.report.page import HEADERS, HOSTS, MAIL_POLICY
from finops.report.templates import Templates
from finops.report.words import Words

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from finops.report.render import Rendered

# The frame runs its own script, and shows the report in a frame of its own; the report runs nothing.
FRAME_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
POLL_SECONDS = 0.3
LONGEST_WAIT_SECONDS = 20
VIEWS = ("mail", "page", "text", "plain")


def app(render: Callable[[], Rendered], folders: Sequence[Path], own: Path | None = None) -> Starlette:
    """An ASGI site of one report. render: makes it from the templates as they are now; folders: where those lie."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Route

    site = _Preview(render, folders, own)
    routes = [
        Route("/", site.frame, methods=["GET"]),
        Route("/view/{name:str}.png", site.picture, methods=["GET"]),
        Route("/view/{name:str}.css", site.style, methods=["GET"]),
        Route("/view/{view:str}", site.view, methods=["GET"]),
        Route("/changed", site.changed, methods=["GET"]),
        Route("/{name:str}", site.asset, methods=["GET"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)])


def stamp(folders: Sequence[Path]) -> str:
    """Another text whenever a file of the folders was written, added or taken away."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.name.startswith(".") or path.name.endswith("~"):
                continue
            try:
                digest.update(f"{path}\0{path.stat().st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
            except FileNotFoundError:  # an editor has just put another in its place
                digest.update(f"{path}\0gone\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


class _Preview:
    def __init__(self, render: Callable[[], Rendered], folders: Sequence[Path], own: Path | None) -> None:
        self._render = render
        self._folders = folders
        self._templates = Templates(own, Words(2))
        self._made: tuple[str, Rendered | FinopsError, float] | None = None

    def _now(self) -> tuple[str, Rendered | FinopsError, float]:
        """The report from the templates as they are now, or what is wrong with them."""
        version = stamp(self._folders)
        if self._made is None or self._made[0] != version:
            started = time.monotonic()
            found: Rendered | FinopsError
            try:
                found = self._render()
            except FinopsError as fault:
                found = fault
            self._made = (version, found, time.monotonic() - started)
        return self._made

    def frame(self, request: Request) -> Response:
        version, made, seconds = self._now()
        view = request.query_params.get("view", "mail")
        width = request.query_params.get("width", "600")
        return _html(
            self._templates.render(
                "preview.html",
                version=version,
                view=view if view in VIEWS else "mail",
                width=width if width in {"320", "375", "600", "1100"} else "600",
                subject="" if isinstance(made, FinopsError) else made.subject,
                preheader="" if isinstance(made, FinopsError) else made.preheader,
                size=0 if isinstance(made, FinopsError) else len(made.html.encode()),
                seconds=f"{seconds:.1f}",
            ),
            FRAME_POLICY,
        )

    def view(self, request: Request) -> Response:
        _, made, _ = self._now()
        if isinstance(made, FinopsError):
            return _html(self._templates.render("preview-fault.html", what=made.what, fix=made.fix), MAIL_POLICY)
        view = request.path_params["view"]
        if view == "text":
            return _answer(made.text.encode(), "text/plain; charset=utf-8", MAIL_POLICY)
        if view == "page":
            return _html(made.page, MAIL_POLICY)
        if view == "plain":  # what is left of it where a mail program drops the style sheet
            return _html(re.sub(r"<style.*?</style>", "", made.page_mail, flags=re.DOTALL), MAIL_POLICY)
        return _html(made.page_mail, MAIL_POLICY)

    def picture(self, request: Request) -> Response:
        _, made, _ = self._now()
        pictures: Mapping[str, bytes] = {} if isinstance(made, FinopsError) else _pictures(made)
        png = pictures.get(request.path_params["name"])
        return _answer(png, "image/png", MAIL_POLICY) if png else _missing()

    def style(self, request: Request) -> Response:
        """The page's own style sheets."""
        name = f"{request.path_params['name']}.css"
        if name not in {"style.css", "page.css"}:
            return _missing()
        return _answer(self._templates.source(name).encode(), "text/css", MAIL_POLICY)

    def asset(self, request: Request) -> Response:
        """What the frame is made with."""
        kinds = {"preview.css": "text/css", "preview.js": "text/javascript"}
        name = request.path_params["name"]
        if name not in kinds:
            return _missing()
        return _answer(self._templates.source(name).encode(), kinds[name], FRAME_POLICY)

    async def changed(self, request: Request) -> Response:
        """Answers when the templates are no longer those of `since`, at the latest after LONGEST_WAIT_SECONDS."""
        since, ends = request.query_params.get("since", ""), time.monotonic() + LONGEST_WAIT_SECONDS
        version = stamp(self._folders)
        while version == since and time.monotonic() < ends and not await request.is_disconnected():
            await asyncio.sleep(POLL_SECONDS)
            version = stamp(self._folders)
        return _answer(version.encode(), "text/plain; charset=utf-8", FRAME_POLICY)


def _pictures(made: Rendered) -> dict[str, bytes]:
    return {f"{made.name}-{cid.partition('@')[0]}": png for cid, png in made.images.items()}


def _html(text: str, policy: str) -> Response:
    return _answer(text.encode(), "text/html; charset=utf-8", policy)


def _answer(content: bytes, kind: str, policy: str) -> Response:
    from starlette.responses import Response

    policy = policy.replace("style-src 'unsafe-inline'", "style-src 'self' 'unsafe-inline'")
    return Response(content, media_type=kind, headers={**HEADERS, "Content-Security-Policy": policy})


def _missing() -> Response:
    from starlette.responses import PlainTextResponse

    return PlainTextResponse("There is nothing here.", 404, headers={**HEADERS, "Content-Security-Policy": MAIL_POLICY})
