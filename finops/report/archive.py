"""The archive: every report that was sent, as pages and files in one folder, with an index. What is there stays."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import date
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.report.files import files_of, written
from finops.report.locales import writing
from finops.report.templates import Templates
from finops.report.words import Words

if TYPE_CHECKING:
    from finops.config.model import Settings
    from finops.report.render import Rendered

INDEX = "index.html"
FORMS = ("html", "xlsx", "txt", "eml", "pdf", "json")
_NAME = re.compile(r"[a-z0-9][A-Za-z0-9._-]*\.(?:html|css|png|txt|xlsx|pdf|json|csv|csv\.zip|eml)")


@dataclass(frozen=True)
class Kept:
    """One report of the archive, as its JSON tells; amounts as they were said."""

    name: str
    title: str
    subject: str
    audience: str
    first: date
    last: date
    made: str
    statuses: tuple[dict[str, str], ...]
    forms: tuple[str, ...]


def folder_of(settings: Settings) -> Path:
    """report.archive, by default "reports" beside the outbox."""
    return settings.report.archive or settings.mail.outbox.parent / "reports"


def keep(bundle: Rendered, message: EmailMessage, settings: Settings, revision: int = 1) -> Path:
    """Put a report into the archive: where its page is. One that is there already stays as it was published.

    revision: 2 or more has files of its own, so that what was sent first can be looked up.
    """
    folder = folder_of(settings)
    name = bundle.name if revision == 1 else f"{bundle.name}-r{revision}"
    page = folder / f"{name}.html"
    if not (folder / f"{name}.json").is_file():
        written(folder, files_of(_called(bundle, name), message), "report.archive")
    index(settings)
    return page


def _called(bundle: Rendered, name: str) -> Rendered:
    """The same report under another name, with which its page refers to its files."""
    if name == bundle.name:
        return bundle
    return replace(
        bundle,
        name=name,
        page=bundle.page.replace(bundle.name, name),
        page_mail=bundle.page_mail.replace(bundle.name, name),
        figures=bundle.figures.replace(f'"{bundle.name}"'.encode(), f'"{name}"'.encode(), 1),
    )


def index(settings: Settings) -> Path:
    """Write the list of all reports anew, and say where it is."""
    folder = folder_of(settings)
    templates = Templates(settings.folders.reports, Words(2, writing(settings.report.locale)))
    page = templates.render(
        "archive.html",
        reports=kept(folder),
        language=templates.words.writing.language,
        direction=templates.words.writing.direction,
        base="",
    )
    files = {name: templates.source(name).encode() for name in ("style.css", "page.css")}
    written(folder, {**files, INDEX: page.encode()}, "report.archive")
    return folder / INDEX


def kept(folder: Path) -> list[Kept]:
    """The reports of the folder, the newest first. A file that tells of none is passed over."""
    found = [_kept(file) for file in sorted(folder.glob("*.json")) if not file.name.startswith(".")]
    known = [one for one in found if one is not None]
    return sorted(known, key=lambda one: (one.last, one.made, one.name), reverse=True)


def _kept(file: Path) -> Kept | None:
    try:
        told: Any = json.loads(file.read_text("utf-8"))
        return Kept(
            name=file.stem,
            title=str(told["title"]),
            subject=str(told["subject"]),
            audience=str(told["audience"]),
            first=date.fromisoformat(told["from"]),
            last=date.fromisoformat(told["to"]),
            made=str(told["made"])[:16].replace("T", " "),
            statuses=tuple({"word": str(one["word"]), "tone": _tone(one["tone"])} for one in told["statuses"]),
            forms=tuple(kind for kind in FORMS if file.with_suffix(f".{kind}").is_file()),
        )
    except (ValueError, KeyError, TypeError, OSError):
        return None


def _tone(told: object) -> str:
    return str(told) if told in {"bad", "watch", "good", "plain"} else "plain"


def file_in(folder: Path, name: str) -> Path | None:
    """A file of the archive by its name; None for all else: what lies deeper, is hidden, or leads out of it."""
    if not _NAME.fullmatch(name):
        return None
    path = folder / name
    try:
        return path if path.is_file() and not path.is_symlink() else None
    except OSError:  # a longer name than any file has
        return None
