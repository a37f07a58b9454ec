"""The outbox: whole mails, each once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path

import pytest

from finops.errors import FinopsError
from finops.mail import Outbox


def mail(identity: str = "<cost-week-2026-11-21.1.abc.finance-weekly@localhost>", text: str = "hello") -> EmailMessage:
    message = EmailMessage()
    message["Message-ID"] = identity
    message.set_content(text)
    return message


def test_a_mail_is_left_under_its_id(tmp_path: Path) -> None:
    path = Outbox(tmp_path / "outbox").put(mail())

    assert path.name == "cost-week-2026-11-21.1.abc.finance-weekly.eml"
    assert path.read_bytes() == mail().as_bytes()


def test_the_same_mail_is_left_once_as_it_first_was(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    outbox.put(mail(text="first"))

    again = outbox.add(mail(text="second"))

    assert again is False
    assert b"first" in outbox.path_of(mail()).read_bytes()


def test_of_many_at_the_same_time_one_leaves_it(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)

    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda n: outbox.add(mail(text=str(n))), range(40)))

    assert sum(added) == 1
    assert [path.name for path in tmp_path.iterdir()] == [outbox.path_of(mail()).name]


def test_an_id_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    path = Outbox(tmp_path / "outbox").put(mail("<../../etc/passwd@localhost>"))

    assert path.parent == tmp_path / "outbox"


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(FinopsError, match=r"could not be left in .*file"):
        Outbox(tmp_path / "file").put(mail())


def test_a_half_written_mail_is_not_in_the_outbox(tmp_path: Path) -> None:
    (tmp_path / ".draft.part").write_bytes(b"half")
    (tmp_path / ".hidden.eml").write_bytes(b"half")
    whole = Outbox(tmp_path).put(mail())

    assert list(Outbox(tmp_path).mails()) == [whole]
