"""Azure Block Blobs: blocks are staged unseen, one Put Block List is the commit, attempts that are over are refused.

What is being written carries a mark under its own name: an empty blob, or `begun` in the metadata of one that is
there. A writer sets its mark and then looks for later attempts; an attempt writes its claim and then strikes all
marks. The service is consistent, so one of the two sees the other, and the commit asks for the mark's own ETag: once a
claim is made, no earlier attempt publishes (G7). A lease would have to be renewed, and an eviction leaves it held.
"""

from __future__ import annotations

import contextlib
import os
import uuid
import weakref
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any

from finops.checkpoint.faults import Fenced, StoreFault
from finops.checkpoint.names import Name
from finops.checkpoint.stores.blob_access import RETRIES, SAS, address_of, container_client, signature_of, told

STREAMS = 8  # blocks on their way at once: one connection gives a tenth of what a node's network does
_CLAIM = "attempt-{:04}.begun"
_BEGUN, _WRITTEN = "begun", "written"  # metadata: the mark of who is writing, of who has written
_ROUNDS = 10  # of a race that each round decides
_AT_ONCE: Mapping[str, Any] = {"retry_total": 0}


class Blob:
    """See finops.checkpoint.stores.Store. environment: what its writer's process needs, beside `spec`."""

    def __init__(self, url: str, env: Mapping[str, str] = os.environ, retries: Mapping[str, Any] = RETRIES) -> None:
        self._address, given = address_of(url)
        self.spec = str(self._address)
        self.environment = {SAS: given} if given else {}
        self._container = container_client(self._address, given or signature_of(self._address, env), env, retries)
        weakref.finalize(self, self._container.close)

    def claim(self) -> int:
        with told(self.spec, "begin an attempt in"):
            attempt = self._newest_or_made() + 1
            while not self._created(_CLAIM.format(attempt)):  # two starts at once: the other has this number
                attempt += 1
            self._strike(attempt)
            return attempt

    def newest(self) -> int:
        from azure.core.exceptions import ResourceNotFoundError

        with told(self.spec, "list"), contextlib.suppress(ResourceNotFoundError):
            return self._newest()
        return 0

    def make(self) -> None:
        with told(self.spec, "make"):
            self._newest_or_made()

    def names(self) -> list[Name]:
        from azure.core.exceptions import ResourceNotFoundError

        with told(self.spec, "list"), contextlib.suppress(ResourceNotFoundError):
            return sorted((name for name, _ in self._held()), reverse=True)
        return []

    @contextlib.contextmanager
    def open(self, name: Name) -> Iterator[_Reading]:
        with told(self._path(str(name)), "read"):
            blob = self._blob(str(name))
            found = blob.get_blob_properties()
            yield _Reading(self._path(str(name)), blob, found.size, found.etag)

    @contextlib.contextmanager
    def sink(self, name: Name, nbytes: int) -> Iterator[_Staging]:
        with told(self._path(str(name)), "write"):
            mark = uuid.uuid4().hex
            staging = _Staging(self, name, mark, self._marked(str(name), mark))
            try:
                self.refuse_late(name.attempt)
                yield staging
            finally:
                staging.close()

    def delete(self, name: Name) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        with told(self._path(str(name)), "delete"), contextlib.suppress(ResourceNotFoundError):
            self._blob(str(name)).delete_blob(delete_snapshots="include")

    def note(self, name: str, text: str) -> None:
        with told(self._path(name), "write"):
            self._blob(name).upload_blob(text.encode(), overwrite=True)

    def notes(self, name: str) -> str | None:
        from azure.core.exceptions import ResourceNotFoundError

        with told(self._path(name), "read"), contextlib.suppress(ResourceNotFoundError):
            return str(self._blob(name).download_blob().readall(), "utf-8")
        return None

    def refuse_late(self, attempt: int) -> None:
        """Raise Fenced where an attempt after `attempt` has begun."""
        if (newest := self._newest()) > attempt:
            raise Fenced(
                f"Attempt {newest} of this job has begun in {self.spec}; this is attempt {attempt}.",
                "Nothing to do where the job was restarted. Else give each job its own folder.",
            )

    def _path(self, name: str) -> str:
        return f"{self.spec}/{name}"

    def _blob(self, name: str) -> Any:
        return self._container.get_blob_client(self._address.prefix + name)

    def _listed(self, **more: Any) -> Iterator[tuple[str, Any]]:
        prefix = self._address.prefix
        for found in self._container.list_blobs(name_starts_with=f"{prefix}attempt-", **more):
            yield found.name.removeprefix(prefix), found

    def _held(self) -> Iterator[tuple[Name, Any]]:
        """An empty blob is the mark of one that was never published."""
        for text, found in self._listed():
            if found.size and (name := Name.of(text)) is not None:
                yield name, found

    def _newest(self) -> int:
        """The number of the last attempt that has begun; by its checkpoints should somebody have removed the claims."""
        found = (text.partition(".")[0].removeprefix("attempt-") for text, _ in self._listed())
        return max((int(number) for number in found if number.isdecimal()), default=0)

    def _newest_or_made(self) -> int:
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

        try:
            return self._newest()
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                self._container.create_container()
            return 0

    def _created(self, name: str) -> bool:
        from azure.core.exceptions import ResourceExistsError

        try:
            self._blob(name).upload_blob(b"", overwrite=False)  # If-None-Match: *
        except ResourceExistsError as fault:
            if getattr(fault, "error_code", "") != "BlobAlreadyExists":  # of a container that is being deleted, for one
                raise
            return False
        return True

    def _strike(self, attempt: int) -> None:
        """Have what earlier attempts are writing refused, and drop the blocks that killed ones left."""
        for _ in range(_ROUNDS):
            left = [found for name, found in self._marks() if name.attempt < attempt]
            if not left:
                return
            for found in left:
                self._struck(found)
        raise StoreFault(f"An earlier attempt writes on in {self.spec}.", "End it, or give each job its own folder.")

    def _marks(self) -> Iterator[tuple[Name, Any]]:
        for text, found in self._listed(include=["metadata"]):
            name = Name.of(text)
            if name is not None and (not found.size or _BEGUN in (found.metadata or {})):
                yield name, found

    def _struck(self, found: Any) -> None:
        """Where it was published or struck in this moment, the next look tells."""
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        blob = self._container.get_blob_client(found.name)
        with contextlib.suppress(ResourceModifiedError, ResourceNotFoundError):
            if found.size:
                kept = {key: value for key, value in found.metadata.items() if key != _BEGUN}
                blob.set_blob_metadata(kept, **_unchanged(found.etag))
            else:
                _discard(blob, _unchanged(found.etag))

    def _marked(self, name: str, mark: str) -> str:
        """The ETag of a blob that says who is writing it: empty, or as it was."""
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

        blob, saying = self._blob(name), {_BEGUN: mark}
        for _ in range(_ROUNDS):
            with contextlib.suppress(ResourceExistsError):
                return str(blob.upload_blob(b"", overwrite=False, metadata=saying)["etag"])
            with contextlib.suppress(ResourceModifiedError, ResourceNotFoundError):
                found = blob.get_blob_properties()
                if found.metadata.get(_BEGUN) == mark:  # it was done, and the answer was lost
                    return str(found.etag)
                if found.size:
                    now = blob.set_blob_metadata({**found.metadata, **saying}, **_unchanged(found.etag))
                else:  # of a writer that was killed: its blocks go with this
                    now = blob.upload_blob(b"", overwrite=True, metadata=saying, **_unchanged(found.etag))
                return str(now["etag"])
        raise StoreFault(f"{self._path(name)} is written by others.", "Give each job its own folder.")


class _Reading:
    """All of it from one version of the blob."""

    def __init__(self, name: str, blob: Any, size: int, etag: str) -> None:
        self.name = name
        self._blob, self._size, self._etag = blob, size, etag

    def size(self) -> int:
        return self._size

    def read(self, offset: int, into: memoryview) -> int:
        length = min(len(into), self._size - offset)
        if length <= 0:
            return 0
        got = self._blob.download_blob(offset, length, max_concurrency=1, **_unchanged(self._etag)).readall()
        into[: len(got)] = got
        return len(got)

    def go_straight(self) -> None:
        """Nothing is kept here."""


class _Staging:
    """Blocks on their way, as many at once as there are streams."""

    def __init__(self, store: Blob, name: Name, mark: str, etag: str) -> None:
        self._store, self._name, self._mark, self._etag = store, name, mark, etag
        self._blob = store._blob(str(name))
        self._streams = ThreadPoolExecutor(STREAMS, "finops-checkpoint")
        self._room = BoundedSemaphore(STREAMS)
        self._sent: list[Future[None]] = []
        self._published = False

    def write(self, piece: memoryview) -> None:
        self._room.acquire()
        self._raise_first()
        number = len(self._sent)
        # A copy: the caller may fill this memory anew before it is on its way.
        self._sent.append(self._streams.submit(self._send, self._block(number), bytes(piece)))

    def publish(self) -> None:
        for each in self._sent:
            each.result()
        self._commit()
        self._published = True

    def close(self) -> None:
        """What was not published is dropped, as far as that can be done now."""
        self._streams.shutdown(cancel_futures=True)
        if not self._published:
            self._drop()

    def _block(self, number: int) -> str:
        """Its name holds the mark: blocks of another writer of this blob are never taken for ours."""
        return f"{self._mark}{number:08}"

    def _send(self, block: str, piece: bytes) -> None:
        try:
            self._blob.stage_block(block, piece, length=len(piece))
        finally:
            self._room.release()

    def _raise_first(self) -> None:
        for each in self._sent:
            if each.done():
                each.result()

    def _commit(self) -> None:
        from azure.core.exceptions import HttpResponseError
        from azure.storage.blob import BlobBlock

        blocks = [BlobBlock(self._block(number)) for number in range(len(self._sent))]
        try:
            self._blob.commit_block_list(blocks, metadata={_WRITTEN: self._mark}, **_unchanged(self._etag))
        except HttpResponseError as fault:
            if fault.status_code is None or not 400 <= fault.status_code < 500:
                raise
            if self._is_ours():  # it was done, the answer was lost, and the client asked again
                return
            self._store.refuse_late(self._name.attempt)
            raise

    def _is_ours(self) -> bool:
        from azure.core.exceptions import ResourceNotFoundError

        with contextlib.suppress(ResourceNotFoundError):
            found = self._blob.get_blob_properties()
            return bool(found.size and found.metadata.get(_WRITTEN) == self._mark)
        return False

    def _drop(self) -> None:
        """Without trying again: the next attempt's claim drops what stays."""
        from azure.core.exceptions import AzureError

        with contextlib.suppress(AzureError, StoreFault):
            found = self._blob.get_blob_properties(**_AT_ONCE)
            if not found.size and found.metadata.get(_BEGUN) == self._mark:
                _discard(self._blob, {**_unchanged(found.etag), **_AT_ONCE})


def _unchanged(etag: str) -> dict[str, Any]:
    from azure.core import MatchConditions

    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _discard(blob: Any, condition: Mapping[str, Any]) -> None:
    """Drop an empty blob with the blocks that were staged for it: Put Blob drops those at once, not after a week."""
    now = blob.upload_blob(b"", overwrite=True, **condition)
    blob.delete_blob(**{**condition, "etag": now["etag"]})
