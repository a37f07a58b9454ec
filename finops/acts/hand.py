"""The hand that an act's request is given: an Azure that sends one change, to one resource, and only while it may."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from finops.cloud import Azure, Json
from finops.errors import FinopsError
from finops.estate.ids import key
from finops.tiering.singles import Ended, Single, move

from . import manifests
from .storage import VERSION

OLDEST_READING_SECONDS = 300.0  # invariant I1


class Held(FinopsError):
    """The hand was held back: nothing was sent."""


def thrown(switch: Path | None) -> str | None:
    """Why the kill switch says stop, None while it is not there. One that cannot be looked at counts as thrown."""
    if switch is None:
        return None
    try:
        os.lstat(switch)
    except FileNotFoundError:
        return None
    except OSError as fault:
        return f"The kill switch {switch} cannot be looked at ({fault.strerror})."
    return f"The kill switch {switch} is there."


class Hand:
    """Reads freely; `sent` once its one change has left."""

    def __init__(self, azure: Azure, resource_id: str, switch: Path | None, read_at: float) -> None:
        self.azure = azure
        self.sent = False
        self._named = resource_id
        self._resource = key(resource_id)
        self._switch = switch
        self._read_at = read_at

    @property
    def time(self) -> Any:
        return self.azure.time

    def get(self, path: str, api_version: str, params: Mapping[str, str] | None = None) -> Json:
        return self.azure.get(path, api_version, params)

    def state_of(self, path: str, api_version: str) -> Json | None:
        return manifests.state_of(self.azure, path, api_version)

    def pages(self, path: str, api_version: str, params: Mapping[str, str] | None = None) -> Iterator[Json]:
        return self.azure.pages(path, api_version, params)

    def put(self, path: str, api_version: str, *rest: Any, **more: Any) -> Json:
        self._leave(path)
        return self.azure.put(path, api_version, *rest, **more)

    def patch(self, path: str, api_version: str, *rest: Any, **more: Any) -> Json:
        self._leave(path)
        return self.azure.patch(path, api_version, *rest, **more)

    def post(self, path: str, api_version: str, *rest: Any, **more: Any) -> Json:
        self._leave(path)
        return self.azure.post(path, api_version, *rest, **more)

    def delete(self, path: str, api_version: str, *rest: Any, **more: Any) -> Json:
        self._leave(path)
        return self.azure.delete(path, api_version, *rest, **more)

    def delete_image(self) -> bool:
        """Whether the image that the act is about was there, and is deleted now."""
        return manifests.delete(self.azure, self._named, self._leave)

    def put_image(self, label: str, body: bytes, media_type: str) -> None:
        """Put the manifest of the image back: under its digest, or under a label ("" for none)."""
        manifests.put(self.azure, self._named, label, body, media_type, self._leave)

    def put_layer(self, digest: str, pieces: Iterable[bytes]) -> None:
        """Send a layer that the image has, before the image itself."""
        manifests.put_layer(self.azure, self._named, digest, pieces, self.ready)

    def move(self, wanted: Sequence[Single]) -> list[Ended]:
        """Set the tiers of up to 256 blobs of the account that the act is about, and read each back."""
        storage = self.azure.storage(self.azure.get(self._named, VERSION))
        self._leave(self._named)
        return move(self.azure, storage, wanted)

    def ready(self, path: str) -> None:
        """Raise what a change of `path` would raise now: for those who write something down just before it."""
        if self.sent:
            raise Held(f"A second change ({path}) was held back: one act, one change.", "Make two acts of it.")
        target = key(path)
        if target != self._resource and not target.startswith(f"{self._resource}/"):
            raise Held(f"A change to {path} was held back: the act is about {self._resource}.", "This is a bug.")
        age = self.azure.time.monotonic() - self._read_at
        if age > OLDEST_READING_SECONDS:
            said = f"It could not be read again in time: the look at it began {age:.0f} s ago"
            raise Held(f"{said}, and {OLDEST_READING_SECONDS:.0f} s is the limit.", "It is read again on the next run.")
        if why := thrown(self._switch):
            raise Held(why, "Remove it to let finops act again.")

    def _leave(self, path: str) -> None:
        """The last look before something leaves."""
        self.ready(path)
        self.sent = True
