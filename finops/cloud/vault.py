"""Secrets of an Azure Key Vault: the newest version of one, by its name.

https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from finops.errors import AccessDenied, AzureError, NotFound

from .shapes import an_object, odd

if TYPE_CHECKING:
    from .gateway import Azure

API_VERSION = "7.4"
NAME = re.compile(r"[0-9A-Za-z-]{1,127}")


def secret(azure: Azure, name: str) -> str:
    """What the secret `name` of azure.key_vault holds now."""
    vault = azure.settings.key_vault or ""
    if not NAME.fullmatch(name):
        raise AzureError(f"keyvault:{name} names no secret.", "A name has 1 to 127 letters, digits and dashes.")
    doing = f"GET the secret {name} of {vault}"
    address = f"{azure.cloud.vault(vault)}/secrets/{name}"
    try:
        answer = azure.send("vault", "GET", address, API_VERSION, read=True, scope=vault, doing=doing)
    except NotFound as fault:
        raise AzureError(
            f"The Key Vault {vault} has no secret {name}.",
            f"Make it: az keyvault secret set --vault-name {vault} --name {name} --file FILE",
            fault.status,
            fault.code,
        ) from None
    except AccessDenied as fault:
        raise AccessDenied(
            f"The Key Vault {vault} does not show us the secret {name}.",
            "Give this identity the role Key Vault Secrets User on the vault, and let this network reach it.",
            fault.status,
            fault.code,
        ) from None
    value = an_object(answer.json, doing).get("value")
    if not isinstance(value, str):
        raise odd(doing, "holds no value")
    return value
