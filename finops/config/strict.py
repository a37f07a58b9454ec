"""What all settings share: no names that there are not, nothing changed later, and which hosts are this machine."""

from __future__ import annotations

from pydantic import ConfigDict

STRICT = ConfigDict(extra="forbid", frozen=True)
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
