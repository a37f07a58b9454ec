"""The pages of anomalies: those that are open, one with its cause, and what people say of it. They change no charge."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from finops.anomalies import cases as strange
from finops.anomalies.cases import Case
from finops.approvals import owns

from .form import Form, Wrong

if TYPE_CHECKING:
    from .people import SignedIn
    from .site import Site

TONES = {"open": "bad", "explained": "watch", "planned": "watch", "resolved": "good"}
SAYS = ("explain", "resolve", "no-anomaly")


def anomalies(site: Site, request: Request) -> Response:
    """Those that are not closed, newest first; with ?all=1 the closed ones, too."""
    everything = request.query_params.get("all") == "1"
    found = [case for case in strange.cases(site.state) if everything or case.is_open]
    return site.answer(
        "anomalies.html",
        request,
        cases=[_figures(case) for case in found[: site.settings.web.page_rows]],
        count=len(found),
        unsaid=sum(case.anomaly.state == "open" for case in found),
        everything=everything,
        looked=strange.looked(site.state),
    )


def anomaly(site: Site, request: Request) -> Response:
    return _shown(site, request, _case(site, request.path_params["id"]))


def say(site: Site, request: Request, form: Form) -> Response:
    """Take what an approver, or the owner of what is behind it, says of one case."""
    action, signed = form.text("action"), request.state.signed
    case = _case(site, form.text("id"))
    if action not in SAYS:
        raise Wrong(422, "The form does not say what it was. Nothing was changed.")
    if not _may_say(signed, case):
        raise Wrong(403, "You may look: approvers and the owner say what it was. Nothing was changed.")
    if not case.is_open:
        return _shown(site, request, case, "It is closed already. Nothing was changed.", 409)
    if not form.reason:
        return _shown(site, request, case, "Give a reason: others read it. Nothing was changed.", 422)
    who, now = signed.person.who, site.now()
    if action == "explain":
        strange.explain(site.state, case.id, form.reason, who, now)
    elif action == "resolve":
        strange.resolve(site.state, case.id, form.reason, who, now)
    else:
        until = now.date() + timedelta(days=site.settings.anomalies.raise_days)
        strange.false_positive(site.state, case.id, form.reason, who, until, now)
    return RedirectResponse(f"/anomalies/{case.id}", 303)


def _case(site: Site, given: str) -> Case:
    found = next((case for case in strange.cases(site.state) if case.id == given), None)
    if found is None:
        raise HTTPException(404, "There is no such anomaly.")
    return found


def _may_say(signed: SignedIn, case: Case) -> bool:
    return signed.person.approves or owns(signed.person, case.anomaly.owner)


def _shown(site: Site, request: Request, case: Case, problem: str = "", status: int = 200) -> Response:
    return site.answer(
        "anomaly.html",
        request,
        status,
        case=_figures(case),
        may_say=case.is_open and _may_say(request.state.signed, case),
        bar=strange.bar_of(case.anomaly),
        raise_days=site.settings.anomalies.raise_days,
        problem=problem,
    )


def _figures(case: Case) -> dict[str, Any]:
    one = case.so_far
    return {
        "id": one.id,
        "scope": one.scope.kind,
        "name": one.scope.key,
        "kind": one.kind,
        "state": one.state,
        "tone": TONES[one.state],
        "first": one.first,
        "last": one.last,
        "on": one.going_on and case.is_open,
        "over": one.impact > 0,
        "size": abs(one.impact),
        "per_day": abs(one.per_day),
        "actual": one.actual,
        "reach": one.expected,
        "currency": case.currency,
        "basis": case.basis,
        "cause": one.cause,
        "evidence": one.evidence,
        "gaps": case.gaps,
        "also": [f"{scope.kind} {scope.key}" for scope in one.also],
        "actor": case.actor,
        "owner": one.owner,
        "stop": case.stop,
        "command": case.command,
        "why": one.why,
        "who": case.who,
        "found_at": one.found_at,
        "told": case.told,
    }
