"""The approvals page, for platform admins: plain forms over what the state remembers. It cannot call Azure.

site = app(state, settings)     # an ASGI application, for uvicorn
"""

from __future__ import annotations

from .site import app

__all__ = ["app"]
