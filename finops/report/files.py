"""The report as files to look at: a page, the text, the workbook, the mail."""

from __future__ import annotations

import os
import tempfile
from email.message import EmailMessage
from pathlib import Path

from finops.errors import FinopsError
from finops.report.render import Rendered


def write(folder: Path, bundle: Rendered, message: EmailMessage) -> Path:
    """The page, index.html in `folder`, beside it the text, workbook, mail and pictures; index.html comes last.

    Each file is replaced whole, so that a reader never meets half of one.
    """
    files = {
        **{name: text.encode() for name, text in bundle.styles.items()},
        **{f"{cid.partition('@')[0]}.png": png for cid, png in bundle.images.items()},
        f"{bundle.name}.txt": bundle.text.encode(),
        f"{bundle.name}.xlsx": bundle.workbook,
        f"{bundle.name}.eml": message.as_bytes(),
        "mail.html": bundle.page_mail.encode(),
        "index.html": bundle.page.encode(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _replace(folder / name, content)
    except OSError as fault:
        raise FinopsError(
            f"The report could not be written to {folder}: {fault.strerror or fault}.",
            "Make room or give write access there, or choose another folder with --out.",
        ) from fault
    return folder / "index.html"


def _replace(path: Path, content: bytes) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
