"""How a registry knows who asks: a sign-in token for an Entra token, an access token for a scope, both JWTs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from finops.simulator.answers import WireError, ok, origin
from finops.simulator.rbac import Principal, Rbac
from finops.simulator.services.registry_store import Holding
from finops.simulator.store import Json
from finops.simulator.world import World

REFRESH_SECONDS, ACCESS_SECONDS = 3 * 3600, 75 * 60  # AAD-OAuth.md of Azure/acr, 2024
# What a role must allow for each action of a scope (azure-docs, container-registry-roles.md).
RIGHTS = {
    "metadata_read": "Microsoft.ContainerRegistry/registries/metadata/read",
    "metadata_write": "Microsoft.ContainerRegistry/registries/metadata/write",
    "pull": "Microsoft.ContainerRegistry/registries/pull/read",
    "push": "Microsoft.ContainerRegistry/registries/push/write",
    "delete": "Microsoft.ContainerRegistry/registries/artifacts/delete",
    "deleted_read": "Microsoft.ContainerRegistry/registries/deleted/read",
    "deleted_restore": "Microsoft.ContainerRegistry/registries/deleted/restore/action",
    "*": "Microsoft.ContainerRegistry/registries/metadata/read",
}


class RegistryError(WireError):
    """A refusal in the registry's shape: {"errors": [{code, message, detail}]}."""

    def __init__(
        self, status: int, code: str, message: str, detail: object = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, code, message, headers=headers)
        fault: Json = {"code": code, "message": message}
        if detail is not None:
            fault["detail"] = detail
        self.body = {"errors": [fault]}


def exchanged(world: World, request: Request, held: Holding) -> Response:
    """POST /oauth2/exchange: a refresh token for an Entra token."""
    form = _form(request)
    if form.get("grant_type") not in {"access_token", "access_token_refresh_token"} or not form.get("access_token"):
        raise RegistryError(400, "UNSUPPORTED", "grant_type must be access_token, with an access_token.")
    who = _who(request, form["access_token"])
    if who is not None and not any(who.may(right, held.id) for right in RIGHTS.values()):
        raise RegistryError(401, "UNAUTHORIZED", "retrieving permissions failed")
    claims = {"grant_type": "refresh_token", "entra": form["access_token"]}
    return ok({"refresh_token": _written(world, held, claims, REFRESH_SECONDS)})


def granted(world: World, request: Request, held: Holding) -> Response:
    """POST /oauth2/token: an access token for as much of the scope as the caller may do."""
    form = _form(request)
    told = _read(world, held, form.get("refresh_token", ""))
    if form.get("grant_type") != "refresh_token" or told is None or told.get("grant_type") != "refresh_token":
        raise RegistryError(401, "UNAUTHORIZED", "authentication required")
    who = _who(request, told["entra"])
    access = []
    for part in form.get("scope", "").split():
        kind, _, rest = part.partition(":")
        name, _, asked = rest.rpartition(":")
        actions = [
            action
            for action in asked.split(",")
            if action in RIGHTS and (who is None or who.may(RIGHTS[action], held.id))
        ]
        if asked == "*" and kind == "repository":
            actions = [action for action in RIGHTS if who is None or who.may(RIGHTS[action], held.id)]
        if actions:
            access.append({"Type": kind, "Name": name, "Actions": actions})
    if not access:
        raise RegistryError(401, "UNAUTHORIZED", "authentication required, visit https://aka.ms/acr/authorization.")
    claims = {"grant_type": "access_token", "access": access, "who": who.name if who else None}
    return ok({"access_token": _written(world, held, claims, ACCESS_SECONDS)})


def admit(world: World, request: Request, held: Holding, kind: str, name: str, actions: Sequence[str]) -> None:
    """Let the request pass when its token holds for all `actions` on `kind` `name`; else 401 with what is missing."""
    sent = request.headers.get("authorization", "")
    told = _read(world, held, sent.partition(" ")[2]) if sent.lower().startswith("bearer ") else None
    held_for: set[str] = set()
    for one in (told or {}).get("access", []):
        if one["Type"] == kind and one["Name"] in {name, "*"}:
            held_for |= set(one["Actions"])
    if told is not None and held_for.issuperset(actions):
        request.scope["state"]["principal"] = {"name": told.get("who")} if told.get("who") else None
        return
    scope = f"{kind}:{name}:{','.join(actions)}"
    realm = f"{origin(request)}/registry/{held.server}/oauth2/token"
    fault = "" if not sent else ',error="invalid_token"' if told is None else ',error="insufficient_scope"'
    raise RegistryError(
        401,
        "UNAUTHORIZED",
        "authentication required, visit https://aka.ms/acr/authorization for more information.",
        [{"Type": kind, "Name": name, "Action": action} for action in actions],
        {"WWW-Authenticate": f'Bearer realm="{realm}",service="{held.server}",scope="{scope}"{fault}'},
    )


def _who(request: Request, token: str) -> Principal | None:
    """Whose Entra token it is; None where everybody may do everything."""
    rbac: Rbac = request.app.state.rbac
    try:
        return rbac.named(token)
    except KeyError:
        raise RegistryError(401, "UNAUTHORIZED", "authentication required") from None


def _form(request: Request) -> dict[str, str]:
    raw: bytes = request.scope["state"].get("body", b"")
    return dict(parse_qsl(raw.decode("utf-8", "replace")))


def _written(world: World, held: Holding, claims: Json, seconds: int) -> str:
    now = int(world.clock.now().timestamp())
    told = {
        "jti": str(uuid.uuid4()),
        "iss": "Azure Container Registry",
        "aud": held.server,
        "iat": now,
        "nbf": now,
        "exp": now + seconds,
        **claims,
    }
    body = f"{_packed({'alg': 'HS256', 'typ': 'JWT'})}.{_packed(told)}"
    return f"{body}.{_seal(world, body)}"


def _read(world: World, held: Holding, token: str) -> Json | None:
    """What a token says; None for one that is not ours, not for this registry, or over."""
    body, _, seal = token.rpartition(".")
    if not hmac.compare_digest(seal, _seal(world, body)):
        return None
    part = body.partition(".")[2]
    told: Json = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    is_over = told["exp"] <= world.clock.now().timestamp()
    return None if is_over or told["aud"] != held.server else told


def _packed(told: Json) -> str:
    # azure-containerregistry 1.2.0 reads `exp` with base64's own alphabet: "-" and "_" must not come up, and they do
    # not as long as no character is among > ? ~.
    text = (
        json.dumps(told, separators=(",", ":")).replace("~", "\\u007e").replace("?", "\\u003f").replace(">", "\\u003e")
    )
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _seal(world: World, body: str) -> str:
    digest = hmac.new(str(world.key).encode(), body.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
