"""A Key Vault's secrets, as a data plane of its own: set, and read in their newest version. They lie in memory only.

https://learn.microsoft.com/rest/api/keyvault/secrets (7.4). Reading takes a data action on the vault, or on whatever
the roles hold it at where the estate has no vault of that name.
"""

from __future__ import annotations

import json
import re
import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from finops.simulator.answers import WireError, ok
from finops.simulator.store import Json
from finops.simulator.world import World

GET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
SET = "Microsoft.KeyVault/vaults/secrets/setSecret/action"
NAME = re.compile(r"[0-9A-Za-z-]{1,127}")


def routes(world: World) -> list[BaseRoute]:
    """GET and PUT /keyvault/{vault}/secrets/{name}."""
    held: dict[tuple[str, str], Json] = {}

    def secret(request: Request) -> Response:
        vault, name = request.path_params["vault"], request.path_params["name"]
        key = (vault.lower(), name.lower())
        _may(world, request, vault, SET if request.method == "PUT" else GET)
        if not NAME.fullmatch(name):
            raise WireError(400, "BadParameter", f"The request URI contains an invalid name: {name}")
        if request.method == "PUT":
            value = json.loads(request.scope["state"].get("body", b"") or b"{}").get("value")
            if not isinstance(value, str):
                raise WireError(400, "BadParameter", "Property value is required.")
            version = uuid.uuid4().hex
            told = int(world.clock.now().timestamp())
            attributes = {"enabled": True, "created": told, "updated": told, "recoveryLevel": "Recoverable+Purgeable"}
            where = f"https://{vault}.vault.azure.net/secrets/{name}/{version}"
            held[key] = {"value": value, "id": where, "attributes": attributes}
        if key not in held:
            raise WireError(404, "SecretNotFound", f"A secret with (name/id) {name} was not found in this key vault.")
        return ok(held[key])

    return [Route("/keyvault/{vault}/secrets/{name}", secret, methods=["GET", "PUT"])]


def _may(world: World, request: Request, vault: str, action: str) -> None:
    wanted = vault.lower()
    found = world.resources.of_type("microsoft.keyvault/vaults")
    at = next((str(one["id"]) for one in found if str(one["name"]).lower() == wanted), "/")
    if not request.app.state.rbac.may(request, action, at):
        raise WireError(
            403, "Forbidden", f"Caller is not authorized to perform action on resource.\r\nAction: '{action}'"
        )
