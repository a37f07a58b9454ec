"""The report as files to look at: a page, the text, the workbook, the mail."""

from __future__ import annotations

import os
import tempfile
from email.message import EmailMessage
from pathlib import Path

from finops.errors import FinopsError
from finops.report.render import Rendered


def write(folder: Path, bundle: Rendered, message: EmailMessage) -> Path:
    """The report's files, named after it, in `folder`; its page is NAME.html and, as the newest one, index.html.

    All are written beside before the first takes its name, so that a full disk leaves the old report as it was.
    """
    files = {
        **{name: text.encode() for name, text in bundle.styles.items()},
        **{f"{bundle.name}-{cid.partition('@')[0]}.png": png for cid, png in bundle.images.items()},
        f"{bundle.name}.txt": bundle.text.encode(),
        f"{bundle.name}.xlsx": bundle.workbook,
        f"{bundle.name}.eml": message.as_bytes(),
        f"{bundle.name}-mail.html": bundle.page_mail.encode(),
        f"{bundle.name}.html": bundle.page.encode(),
        "index.html": bundle.page.encode(),
    }
    drafts: dict[Path, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _draft(folder / name, content, drafts)
        for path, draft in drafts.items():
            os.replace(draft, path)
    except OSError as fault:
        raise FinopsError(
            f"The report could not be written to {folder}: {fault.strerror or fault}.",
            "Make room or give write access there, or choose another folder with --out.",
        ) from fault
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return folder / "index.html"


def _draft(path: Path, content: bytes, drafts: dict[Path, Path]) -> None:
    """Write `content` beside `path`, down to the disk: some file systems only then say that they are full."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    drafts[path] = Path(draft)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(draft, 0o644)
