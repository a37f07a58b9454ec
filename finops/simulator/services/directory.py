"""Microsoft Graph, as far as people are concerned: whether somebody is still in the directory.

Graph has a host of its own (https://graph.microsoft.com); here it is under /graph. Its permissions are not roles of
Azure's: a roles file grants them under "graph", such as ["User.Read.All"] (see rbac.py). Users come from the estate's
directory.jsonl; an estate without that file did not ask its directory, and is answered as one who may not: 403.
Sources: learn.microsoft.com, graph/api/user-get, graph/json-batching, graph/api/directoryobject-getbyids (2026); the
words of 404 and its innerError as people report them (2019).
"""

from __future__ import annotations

import json
import re
import uuid
from functools import partial
from urllib.parse import parse_qs, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import WireError, body_of, ok, page, shaped
from finops.simulator.store import Json
from finops.simulator.world import World

ROOT = "/graph/v1.0"
# What a user answers when nothing is selected (user-get).
USUAL = ("businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
         "preferredLanguage", "surname", "userPrincipalName", "id")  # fmt: skip
MOST_IN_BATCH, MOST_IDS, PAGE = 20, 1000, 100
ALLOW = {"user.read.all", "user.readbasic.all", "user.readwrite.all", "directory.read.all", "directory.readwrite.all"}
ALLOW_ANY = {"directory.read.all", "directory.readwrite.all"}


def routes(world: World) -> list[BaseRoute]:
    return [
        Route(f"{ROOT}/users", partial(_list, world), methods=["GET"]),
        Route(f"{ROOT}/users/{{user}}", partial(_get, world), methods=["GET"]),
        Route(f"{ROOT}/$batch", partial(_batch, world), methods=["POST"]),
        Route(f"{ROOT}/directoryObjects/getByIds", partial(_by_ids, world), methods=["POST"]),
    ]


def _get(world: World, request: Request) -> Response:
    people = _directory(world, request, ALLOW)
    return ok(_shown(_named(people, request.path_params["user"], request), request.query_params.get("$select", "")))


def _list(world: World, request: Request) -> Response:
    """All, or those of `id in ('a','b')`, `userPrincipalName eq 'a'` and the like: 15 values at most, as in Graph."""
    people = _directory(world, request, ALLOW)
    text = request.query_params.get("$filter", "")
    found = people
    if text:
        asked = re.fullmatch(r"\s*(id|userPrincipalName|mail)\s+(?:eq\s+('[^']*')|in\s*\(([^)]*)\))\s*", text, re.I)
        if asked is None:
            raise _refused(request, 400, "Request_UnsupportedQuery", f"Unsupported or invalid query filter: {text}")
        values = {value.lower() for value in re.findall(r"'([^']*)'", asked[2] or asked[3] or "")}
        if len(values) > 15:
            text = "Too many child clauses specified in search filter expression containing 'OR' operators: max 15."
            raise _refused(request, 400, "Request_UnsupportedQuery", text)
        field = next(name for name in ("id", "userPrincipalName", "mail") if name.lower() == asked[1].lower())
        found = [user for user in people if str(user.get(field, "")).lower() in values]
    found = [user for user in found if not user.get("gone")]
    chosen = request.query_params.get("$select", "")
    answer = page(request, found, PAGE, key=lambda user: str(user["id"]))
    body = json.loads(bytes(answer.body))
    context = "https://graph.microsoft.com/v1.0/$metadata#users"
    told: Json = {"@odata.context": context, "value": [_shown(user, chosen, alone=False) for user in body["value"]]}
    return ok(told | ({"@odata.nextLink": body["nextLink"]} if "nextLink" in body else {}))


def _by_ids(world: World, request: Request) -> Response:
    """Those of up to 1,000 ids that there are; Graph leaves the others out without a word."""
    people = _directory(world, request, ALLOW_ANY)
    sent = shaped(body_of(request), {"ids": list, "types": list})
    ids = {str(each).lower() for each in sent.get("ids") or []}
    if not 1 <= len(ids) <= MOST_IDS:
        raise _refused(
            request, 400, "Request_BadRequest", f"From 1 to {MOST_IDS} ids can be asked for, not {len(ids)}."
        )
    kinds = {str(each).lower() for each in sent.get("types") or ["directoryobject"]}
    known = [user for user in people if not user.get("gone")]
    found = [user for user in known if user["id"].lower() in ids] if kinds & {"user", "directoryobject"} else []
    context = "https://graph.microsoft.com/v1.0/$metadata#directoryObjects"
    shown = [{"@odata.type": "#microsoft.graph.user", **_shown(user, "", alone=False)} for user in found]
    return ok({"@odata.context": context, "value": shown})


def _batch(world: World, request: Request) -> Response:
    """Up to 20 GETs of single users in one; each has its own status, and the whole is 200."""
    asked = [
        each for each in shaped(body_of(request), {"requests": list}).get("requests") or [] if isinstance(each, dict)
    ]
    if not 1 <= len(asked) <= MOST_IN_BATCH:
        raise _refused(request, 400, "BadRequest", f"A batch has from 1 to {MOST_IN_BATCH} requests, not {len(asked)}.")
    return ok({"responses": [_one_of_batch(world, request, each) for each in asked]})


def _one_of_batch(world: World, request: Request, asked: Json) -> Json:
    link = urlsplit(str(asked.get("url", "")))
    found = re.fullmatch(r"/?users/([^/]+)", link.path, re.I)
    try:
        if found is None or str(asked.get("method", "GET")).upper() != "GET":
            text = "Only GET /users/{id} can be batched in this simulator."
            raise _refused(request, 501, "NotImplemented", text)
        user = _named(_directory(world, request, ALLOW), unquote(found[1]), request)
        status, body = 200, _shown(user, (parse_qs(link.query).get("$select") or [""])[0])
    except WireError as refusal:
        status, body = refusal.status, refusal.body
    return {"id": asked.get("id"), "status": status, "headers": {"Content-Type": "application/json"}, "body": body}


def _directory(world: World, request: Request, needed: set[str]) -> list[Json]:
    if world.directory is None or not request.app.state.rbac.may_ask_graph(request, needed):
        text = "Insufficient privileges to complete the operation."
        raise _refused(request, 403, "Authorization_RequestDenied", text)
    return [*world.directory.values()]


def _named(people: list[Json], name: str, request: Request) -> Json:
    for user in people:
        if name.lower() in {str(user.get(field, "")).lower() for field in ("id", "userPrincipalName", "asked")}:
            if user.get("gone"):
                break
            return user
    else:
        if any("asked" in user for user in people):
            # A recording knows those whom it asked for, and cannot tell of anybody else.
            raise _refused(request, 403, "Authorization_RequestDenied", "The recording did not ask for this account.")
    text = f"Resource '{name}' does not exist or one of its queried reference-property objects are not present."
    raise _refused(request, 404, "Request_ResourceNotFound", text)


def _shown(user: Json, select: str, alone: bool = True) -> Json:
    chosen = [name.strip() for name in select.split(",") if name.strip()] or [*USUAL]
    by_lower = {name.lower(): name for name in [*user, *USUAL]}
    told = {by_lower[name.lower()]: user.get(by_lower[name.lower()]) for name in chosen if name.lower() in by_lower}
    context = f"https://graph.microsoft.com/v1.0/$metadata#users{f'({select})' if select else ''}/$entity"
    return {"@odata.context": context, **told} if alone else told


def _refused(request: Request, status: int, code: str, message: str) -> WireError:
    request_id = request.scope["state"].get("request_id") or str(uuid.uuid4())
    moment = request.app.state.world.clock.now()
    inner = {"date": f"{moment:%Y-%m-%dT%H:%M:%S}", "request-id": request_id, "client-request-id": request_id}
    return WireError(status, code, message, innerError=inner)
