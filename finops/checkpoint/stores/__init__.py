"""Where checkpoints are kept. A store is told by a plain spec, as the writer is another process and opens its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from finops.checkpoint.faults import StoreFault
from finops.checkpoint.format import Source
from finops.checkpoint.names import Name


class Sink(Protocol):
    """A checkpoint being written, in order, from its first byte to its last. Unseen until `publish`."""

    def write(self, piece: memoryview) -> None: ...

    def publish(self) -> None:
        """Have it whole and durable under its name, or raise. Raises Fenced where a newer attempt has begun."""
        ...


class Store(Protocol):
    """A place that keeps the checkpoints of one job. Every method raises StoreFault where the place is at fault."""

    spec: str

    def claim(self) -> int:
        """Begin the next attempt: its number. From then on earlier ones publish nothing (G7)."""
        ...

    def newest(self) -> int:
        """The number of the last attempt that has begun; 0 where none has, or the place is not there yet."""
        ...

    def make(self) -> None:
        """Have the place there."""
        ...

    def names(self) -> list[Name]:
        """What was published, newest first. None of it is known to be whole before it has been read."""
        ...

    def open(self, name: Name) -> AbstractContextManager[Source]: ...

    def sink(self, name: Name, nbytes: int) -> AbstractContextManager[Sink]:
        """What is left without `publish` leaves nothing behind that `names` lists."""
        ...

    def delete(self, name: Name) -> None: ...

    def note(self, name: str, text: str) -> None:
        """Keep a small text beside the checkpoints, whole or not at all."""
        ...

    def notes(self, name: str) -> str | None: ...


def store_of(spec: str) -> Store:
    """The store that `spec` tells: a folder's path, folder:PATH, mount:PATH, an https address of blobs, azureml:...

    A plain path on a mount of blob storage is taken for the mount that it is.
    """
    kind, _, rest = spec.partition(":")
    opened: dict[str, Callable[[], Store]] = {
        "folder": lambda: _folder(rest),
        "mount": lambda: _mount(rest),
        "https": lambda: _blob(spec),
        "http": lambda: _blob(spec),
        "azureml": lambda: _blob(_datastore(spec)),
    }
    return opened[kind]() if kind in opened else _path(spec)


def _path(path: str) -> Store:
    from finops.checkpoint.stores.mounts import keeps_its_word

    if not path or "://" in path:
        raise StoreFault(
            f"{path!r} names no place for checkpoints.",
            "Name a folder, https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER or azureml://datastores/...",
        )
    return _folder(path) if keeps_its_word(path) else _mount(path)


def _folder(path: str) -> Store:
    from finops.checkpoint.stores.folder import Folder

    return Folder(path)


def _mount(path: str) -> Store:
    from finops.checkpoint.stores.mount import Mount

    return Mount(path)


def _blob(url: str) -> Store:
    from finops.checkpoint.stores.blob import Blob

    return Blob(url)


def _datastore(uri: str) -> str:
    from finops.checkpoint.stores.datastore import address_of

    return address_of(uri)
