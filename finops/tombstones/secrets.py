"""What is never written into a tombstone: secrets. Each is left out and named, so that people can give it again."""

from __future__ import annotations

import copy
from typing import Any

from finops.estate.model import at
from finops.estate.redact import HARMLESS, INLINE, SECRET
from finops.tombstones.model import Json

# x-ms-secret in the providers' OpenAPI document (machinelearningservices 2024-04-01). A public key is none.
FIELDS = (
    ("properties.keys", "primaryKey"),
    ("properties.keys", "secondaryKey"),
    ("properties.properties.userAccountCredentials", "adminUserPassword"),
)
VARIABLES = "properties.environmentVariables"


def without_secrets(body: Json) -> tuple[Json, list[str]]:
    """`body` without secrets, and a sentence for each that was there. The body given is not changed."""
    clean = copy.deepcopy(body)
    lost = []
    for path, name in FIELDS:
        holder = at(clean, path)
        if isinstance(holder, dict) and holder.pop(name, None) is not None:
            lost.append(f"{body.get('name', '')}: {name} is a secret, and is not kept.")
    variables = at(clean, VARIABLES)
    for name in sorted(variables) if isinstance(variables, dict) else ():
        if _is_secret(str(name), variables[name]):
            del variables[name]
            lost.append(f"{body.get('name', '')}: the variable {name} may be a secret, and is not kept: set it again.")
    return clean, lost


def _is_secret(name: str, value: Any) -> bool:
    plain = "".join(char for char in name.lower() if char not in "-_ ")
    if SECRET.search(plain) and not HARMLESS.match(plain):
        return True
    return isinstance(value, str) and any(pattern.search(value) for pattern in INLINE)
