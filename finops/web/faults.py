"""How a fault looks: always a page, and never more of this machine than whoever asks may know."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from finops.errors import FinopsError

from .form import Wrong

if TYPE_CHECKING:
    from .site import Site

log = logging.getLogger(__name__)

Answer = Callable[[Request, Exception], Response]


def answers(site: Site) -> dict[Any, Any]:
    """What each kind of fault is answered with."""
    return {
        HTTPException: _explained(site),
        FinopsError: _failed(site),
        Wrong: _wrong(site),
        Exception: _broken(site),
    }


def _explained(site: Site) -> Answer:
    def answer(request: Request, fault: Exception) -> Response:
        known = cast("HTTPException", fault)
        heading, said = "That did not work", known.detail
        if known.status_code == 404:
            heading, said = "There is no such page", "" if known.detail == "Not Found" else known.detail
        if known.status_code == 405:
            heading, said = "Not in this way", "This address only takes the form of a page. Opening it decides nothing."
        page = site.said(request, known.status_code, heading, said, "", "/findings", "All findings")
        page.headers.update(known.headers or {})
        return page

    return answer


def _wrong(site: Site) -> Answer:
    def answer(request: Request, fault: Exception) -> Response:
        wrong = cast("Wrong", fault)
        return site.said(request, wrong.status, "That was not taken", wrong.said, "", "/findings", "All findings")

    return answer


def _failed(site: Site) -> Answer:
    """What to do is said to people who are signed in."""

    def answer(request: Request, fault: Exception) -> Response:
        error = cast("FinopsError", fault)
        log.error("%s", error)
        known = getattr(request.state, "signed", None) is not None
        said, fix = (error.what, error.fix) if known else ("The page cannot be made now.", "")
        return site.said(request, 503, "That did not work", said, fix, "/findings", "All findings")

    return answer


def _broken(site: Site) -> Answer:
    def answer(request: Request, fault: Exception) -> Response:
        return site.said(request, 500, "That did not work", "This is a fault of the page; it is in its log.")

    return answer
