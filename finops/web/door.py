"""The door: who is let in, what the others are told, and the demo's sign-in and sign-out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from finops.config.model import WebSettings
from finops.served import from_here
from finops.tokens import Unreachable

from .form import Wrong, form_of, own_path, refuse_foreign
from .pages import Pages
from .people import COOKIE, DEMO, Refused, SignedIn
from .seals import COOKIE_SECONDS, Seals

if TYPE_CHECKING:
    from .site import Site

NOBODY = "nobody"  # whom the demo's sign-in form is made for
# https://learn.microsoft.com/azure/app-service/configure-authentication-customize-sign-in-out
EASY_AUTH = "/.auth/login/aad?post_login_redirect_uri="


class Door:
    """Lets people in, or says why not."""

    def __init__(self, settings: WebSettings, seals: Seals, pages: Pages) -> None:
        self._settings = settings
        self._seals = seals
        self._pages = pages

    def refused(self, site: Site, request: Request) -> Response | None:
        """None for a person with a role, who is then in `request.state.signed`; for all others what to tell them."""
        try:
            signed = site.people.who(request)
        except Refused as refused:
            return site.said(request, 403, "You may not come in", str(refused))
        except Unreachable:
            return site.said(
                request,
                503,
                "Nobody can sign in now",
                "The sign-in cannot be checked at the moment.",
                "Try again soon.",
            )
        if signed is None:
            return self._asked(site, request)
        request.state.signed = signed
        return None

    def stale(self, signed: SignedIn) -> str:
        """Why this sign-in is too old to approve, exempt or give up with; "" where it is not. By the real clock."""
        longest = self._settings.fresh_minutes
        if not longest:
            return ""
        if signed.since is None:
            return "For this, sign in again: yours does not say how old it is."
        if datetime.now(UTC) - signed.since >= timedelta(minutes=longest):
            return f"For this, sign in again: you did so {longest} minutes ago or longer."
        return ""

    def again(self, path: str) -> str:
        """Where one signs in again; "" where only the person's proxy knows."""
        return EASY_AUTH + quote(path, safe="") if self._settings.auth == "easyauth" else ""

    def _asked(self, site: Site, request: Request) -> Response:
        path = own_path(request.url.path + (f"?{request.url.query}" if request.url.query else ""))
        if self._settings.auth == "demo" and request.method in {"GET", "HEAD"}:
            csrf = self._seals.form(NOBODY)
            return self._pages.answer(
                "sign_in.html", 401, person=None, demo=True, csrf=csrf, people=DEMO.items(), next=path
            )
        if request.method == "POST":
            return site.said(request, 401, "You are not signed in", "Nothing was decided.", "", "/findings", "Sign in")
        if self._settings.auth == "easyauth":
            return site.said(request, 401, "Sign in first", "This page is for people with a role.", "",
                             self.again(path), "Sign in with Entra ID")  # fmt: skip
        return site.said(request, 401, "Sign in first", "This page is for people whom your sign-in proxy sends here.")

    async def sign_in(self, request: Request) -> Response:
        """The demo's: become one of its people."""
        body = await request.body()
        return await run_in_threadpool(self._signed_in, request, body)

    def _signed_in(self, request: Request, body: bytes) -> Response:
        refuse_foreign(request)
        if self._settings.auth != "demo":
            raise Wrong(404, "Nobody signs in here.")
        if not from_here(request):
            raise Wrong(403, "The demo's sign-in works on this machine only.")
        form = form_of(request, body)
        if not self._seals.fits(form.text("csrf"), NOBODY):
            raise Wrong(403, "The page was open for too long. Sign in anew.")
        who = form.text("who")
        if who not in DEMO:
            raise Wrong(422, "There is no such person in the demo.")
        answer = RedirectResponse(own_path(form.text("next")), 303)
        # Not Secure: the demo is served on loopback only, without TLS.
        answer.set_cookie(COOKIE, self._seals.cookie(who), COOKIE_SECONDS, path="/", httponly=True, samesite="strict")
        return answer

    async def sign_out(self, request: Request) -> Response:
        refuse_foreign(request)
        answer = RedirectResponse("/findings", 303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer
