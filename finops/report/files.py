"""The report as files to look at: a page, the text, the workbook, the figures, the mail."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from email.message import EmailMessage
from pathlib import Path

from finops.errors import FinopsError
from finops.report.render import Rendered


def write(folder: Path, bundle: Rendered, message: EmailMessage) -> Path:
    """The report's files, named after it, in `folder`; its page is NAME.html and, as the newest one, index.html."""
    written(folder, {**files_of(bundle, message), "index.html": bundle.page.encode()}, "--out")
    return folder / "index.html"


def files_of(bundle: Rendered, message: EmailMessage) -> dict[str, bytes]:
    """All forms of a report by file name."""
    return {
        **{name: text.encode() for name, text in bundle.styles.items()},
        **{f"{bundle.name}-{cid.partition('@')[0]}.png": png for cid, png in bundle.images.items()},
        **bundle.attachments,
        f"{bundle.name}.txt": bundle.text.encode(),
        f"{bundle.name}.xlsx": bundle.workbook,
        f"{bundle.name}.json": bundle.figures,
        f"{bundle.name}.eml": message.as_bytes(),
        f"{bundle.name}-mail.html": bundle.page_mail.encode(),
        f"{bundle.name}.html": bundle.page.encode(),
    }


def written(folder: Path, files: Mapping[str, bytes], setting: str) -> None:
    """Write all files beside before the first takes its name, so that a full disk leaves the old ones as they were.

    setting: what chose the folder, for the error.
    """
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
            f"Make room or give write access there, or choose another folder with {setting}.",
        ) from fault
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _draft(path: Path, content: bytes, drafts: dict[Path, Path]) -> None:
    """Write `content` beside `path`, down to the disk: some file systems only then say that they are full."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    drafts[path] = Path(draft)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(draft, 0o644)
