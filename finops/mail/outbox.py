"""A folder of mails: every mail is one .eml file, written whole or not at all, and never twice."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

from finops.errors import FinopsError


class Outbox:
    """Mails as files, named after their Message-ID."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, message: EmailMessage) -> Path:
        """The mail's file. A mail whose Message-ID is already there is left as it is."""
        path = self.path_of(message)
        self.add(message)
        return path

    def add(self, message: EmailMessage) -> bool:
        """Whether the mail was written now; False when one with its Message-ID was already there."""
        path = self.path_of(message)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return not path.exists() and self._write(path, message.as_bytes())
        except OSError as fault:
            raise FinopsError(
                f"The mail could not be left in {self.folder}: {fault.strerror or fault}.",
                "Make room or give write access there, or set mail.outbox to another folder.",
            ) from fault

    def path_of(self, message: EmailMessage) -> Path:
        """Where the mail lies once it was put."""
        return self.folder / f"{name_of(str(message['Message-ID'] or ''))}.eml"

    def mails(self) -> Iterator[Path]:
        """The mails that lie here, by name."""
        if self.folder.is_dir():
            yield from sorted(path for path in self.folder.glob("*.eml") if not path.name.startswith("."))

    def _write(self, path: Path, content: bytes) -> bool:
        """Write beside, then link into place: linking fails where the name is taken, also by another process."""
        handle, draft = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)
            except FileExistsError:
                return False
            synced(self.folder)
            return True
        finally:
            os.unlink(draft)


def name_of(message_id: str) -> str:
    """A file's name, without its ending, for a mail."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", message_id.strip("<> ").partition("@")[0]).lstrip(".")[:200]
    if not name:
        raise FinopsError("The mail has no Message-ID.", "Compose it with finops.mail.compose.")
    return name


def synced(folder: Path) -> None:
    """Make new names in `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
