"""The site: its addresses, who may see them, and how a fault looks. It reads and writes the state, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from finops.approvals import Desk
from finops.approvals.links import path_of, place
from finops.config.model import LOOPBACK, WebSettings
from finops.janitor import folders
from finops.janitor.reading import written

from .anomalies import anomalies, anomaly, say
from .deciding import decide
from .door import Door
from .faults import answers
from .form import Form, Wrong, form_of, refuse_foreign
from .listing import listing
from .one import one
from .pages import STATIC, Pages
from .people import People, SignedIn
from .reports import report_file, reports
from .seals import Seals, keys_of
from .shield import Shield

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.state import State

View = Callable[["Site", Request], Response]
Act = Callable[["Site", Request, Form], Response]


@dataclass(frozen=True)
class RuleText:
    title: str
    text: str


class Site:
    """What every view works with."""

    def __init__(self, state: State, settings: Settings, now: Callable[[], datetime]) -> None:
        self.state = state
        self.settings = settings
        self.now = now
        self.keys = keys_of(settings.web)
        self.seals = Seals(self.keys)
        self.people = People(settings.web, self.seals)
        self.pages = Pages()
        self.desk = Desk(state, settings.janitor)
        self.door = Door(settings.web, self.seals, self.pages)
        self.rules = rule_texts(settings)

    def answer(self, template: str, request: Request, status: int = 200, **context: Any) -> Response:
        """A page for whoever is signed in."""
        signed: SignedIn | None = getattr(request.state, "signed", None)
        person = signed.person if signed else None
        csrf = self.seals.form(person.oid) if person else ""
        demo = self.settings.web.auth == "demo"
        return self.pages.answer(template, status, person=person, csrf=csrf, demo=demo, **context)

    def said(
        self, request: Request, status: int, heading: str, said: str, fix: str = "", link: str = "", text: str = ""
    ) -> Response:
        """A page that says one thing, with a button where there is a `link`."""
        words = {"heading": heading, "said": said, "fix": fix, "link": link, "link_text": text}
        return self.answer("message.html", request, status, **words)


def app(state: State, settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> ASGIApp:
    """The site as an ASGI application. ConfigError where nobody could sign in, or anybody could."""
    site = Site(state, settings, now)
    routes = [
        Route("/", _home, methods=["GET"]),
        Route("/findings", _shown(site, listing), methods=["GET"]),
        Route("/findings/{number:str}", _shown(site, one), methods=["GET"]),
        Route("/anomalies", _shown(site, anomalies), methods=["GET"]),
        Route("/anomalies/say", _acted(site, say), methods=["POST"]),
        Route("/anomalies/say", _posted_only, methods=["GET"]),  # or it would be an anomaly of that name
        Route("/anomalies/{id:str}", _shown(site, anomaly), methods=["GET"]),
        *(Route(path, _shown(site, reports), methods=["GET"]) for path in ("/reports", "/reports/")),
        Route("/reports/{name:str}", _shown(site, report_file), methods=["GET"]),
        Route("/decide", _acted(site, decide), methods=["POST"]),
        Route("/m/{token}", _mail_link(site), methods=["GET"]),
        Route("/sign-in", site.door.sign_in, methods=["POST"]),
        Route("/sign-out", site.door.sign_out, methods=["POST"]),
        *(Route(f"/static/{name}", _file(name), methods=["GET"]) for name in ("page.css", "page.js")),
        Route("/favicon.svg", _file("favicon.svg"), methods=["GET"]),
        Route("/favicon.ico", _file("favicon.svg"), methods=["GET"]),
    ]
    https = bool(settings.web.public_url and settings.web.public_url.startswith("https:"))
    pages = Starlette(routes=routes, exception_handlers=answers(site))
    pages.router.redirect_slashes = False  # it would name a host and a scheme, and behind a proxy the wrong ones
    return Shield(pages, hosts_of(settings.web), https)


def hosts_of(settings: WebSettings) -> set[str]:
    """The names under which the page answers: its public one, and the loopback ones where it listens there only."""
    named = urlsplit(settings.public_url).hostname if settings.public_url else None
    return ({named} if named else set()) | (LOOPBACK if settings.host in LOOPBACK else set())


def rule_texts(settings: Settings) -> dict[str, RuleText]:
    """The rules as they are written now, by name; a site's own win."""
    found = [rule for folder in folders(settings) for rule in written(folder)]
    return {
        rule.name: RuleText(str(rule.body.get("title", "")), json.dumps(rule.body, indent=2, ensure_ascii=False))
        for rule in found
    }


async def _home(request: Request) -> Response:
    return RedirectResponse("/findings", 303)


async def _posted_only(request: Request) -> Response:
    raise HTTPException(405, headers={"Allow": "POST"})


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    kind = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}[name.rpartition(".")[2]]

    async def answer(request: Request) -> Response:
        return FileResponse(STATIC / name, media_type=kind)

    return answer


def _mail_link(site: Site) -> Callable[[Request], Awaitable[Response]]:
    """Where a link of a mail leads: on to the page, which asks who is there. Scanners follow it too, to no effect."""

    async def answer(request: Request) -> Response:
        to = place(site.keys(), request.path_params["token"])
        if to is None:
            raise HTTPException(404, "This link is not one of ours, or older than seven days. Open the list instead.")
        return RedirectResponse(path_of(to), 303)

    return answer


def _shown(site: Site, view: View) -> Callable[[Request], Response]:
    """A page for people with a role."""

    def answer(request: Request) -> Response:
        return site.door.refused(site, request) or view(site, request)

    return answer


def _acted(site: Site, act: Act) -> Callable[[Request], Awaitable[Response]]:
    """A form of people with a role: sent by this page, for whoever is signed in."""

    def taken(request: Request, body: bytes) -> Response:
        refuse_foreign(request)
        refused = site.door.refused(site, request)
        if refused is not None:
            return refused
        form = form_of(request, body)
        if not site.seals.fits(form.text("csrf"), request.state.signed.person.oid):
            raise Wrong(403, "The page was open for too long, or was made for somebody else. Nothing was decided.")
        return act(site, request, form)

    async def answer(request: Request) -> Response:
        return await run_in_threadpool(taken, request, await request.body())

    return answer
