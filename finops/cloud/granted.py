"""What the identity of a connection may do at a scope: the permissions of all roles that it holds there.

https://learn.microsoft.com/rest/api/authorization/permissions (2022-04-01). Roles that are given further down do not
show there, nor do deny assignments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .shapes import odd

if TYPE_CHECKING:
    from .gateway import Azure
    from .shapes import Json

API_VERSION = "2022-04-01"


def permissions(azure: Azure, scope: str) -> list[Json]:
    """A permission for each role: actions, notActions, dataActions, notDataActions, perhaps a condition."""
    path = f"{scope.rstrip('/')}/providers/Microsoft.Authorization/permissions"
    found = list(azure.pages(path, API_VERSION))
    for one in found:
        for name in ("actions", "notActions", "dataActions", "notDataActions"):
            if not isinstance(one.get(name, []), list | None):
                raise odd(f"GET {path}", f"has {name} that are no list")
    return found
