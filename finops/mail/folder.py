"""The way out `file`: each mail a file in a folder, from where a relay or a person may take it away."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from datetime import timedelta
from email.parser import BytesHeaderParser
from email.policy import SMTP
from pathlib import Path

from finops.errors import FinopsError
from finops.mail.outbox import name_of, synced
from finops.mail.transport import Answer, Handing, Outgoing, Said, Unreachable
from finops.state import Attempt


class Folder:
    """Mails as .eml files, named after their Message-ID, whole or not there."""

    name = "file"
    longest = timedelta(seconds=60)
    proves = False  # whoever collects them takes the proof away

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def receipt(self) -> str:
        return ""

    def send(self, mail: Outgoing, handing: Handing) -> Mapping[str, Said]:
        """Write a draft, then give it the mail's name.

        Renaming takes the draft away: whoever is killed here can tell later by the draft whether it was done, also
        where the file was collected since.
        """
        done = dict.fromkeys(mail.to, Said("sent"))
        path = self.path_of(mail.wire_id)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if path.exists():
                return done
            draft = self._draft(mail.wire_id)
            with open(draft, "wb") as file:
                file.write(mail.content)
                file.flush()
                os.fsync(file.fileno())
            synced(self._folder)
            handing({})
            os.rename(draft, path)
            synced(self._folder)
        except OSError as fault:
            raise unwritable(self._folder, fault) from fault
        return done

    def ask(self, attempt: Attempt) -> Answer:
        try:
            if self._draft(attempt.wire_id).exists():
                return Answer("never", "its draft still lies there")
            self._folder.stat()
        except OSError as fault:
            raise unwritable(self._folder, fault) from fault
        return Answer("arrived", "its draft was given its name")

    def check(self) -> str:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            probe = self._folder / ".check"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as fault:
            raise unwritable(self._folder, fault) from fault
        return f"mails are left in {self._folder}"

    def path_of(self, wire_id: str) -> Path:
        """Where the mail lies. Another mail's file of the same name is left alone."""
        path = self._folder / f"{name_of(wire_id)}.eml"
        if path.exists() and _message_id(path) != wire_id:
            return path.with_name(f"{name_of(wire_id)}-{_digest(wire_id)}.eml")
        return path

    def _draft(self, wire_id: str) -> Path:
        return self._folder / f".{_digest(wire_id)}.draft"


def _digest(wire_id: str) -> str:
    return hashlib.sha256(wire_id.encode()).hexdigest()[:16]


def _message_id(path: Path) -> str:
    with open(path, "rb") as file:
        return str(BytesHeaderParser(policy=SMTP).parse(file)["Message-ID"] or "").strip()


def unwritable(folder: Path, fault: OSError) -> FinopsError:
    return Unreachable(
        f"The mail could not be left in {folder}: {fault.strerror or fault}.",
        "Make room or give write access there, or set mail.outbox to another folder.",
    )
