"""Lists, followed to their last page: counted, bounded, on the same host, never in a circle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from finops.errors import AzureError

from . import shapes
from .clouds import followed
from .shapes import Json


def every_item(
    fetch: Callable[[str | None], Any],
    *,
    base: str,
    doing: str,
    most_pages: int,
    items: str = "value",
    link: str = "nextLink",
) -> Iterator[Json]:
    """Each item of each page. `fetch(None)` gets the first page, `fetch(address)` a further one."""
    for page in every_page(fetch, base=base, doing=doing, most_pages=most_pages, link_of=lambda body: body.get(link)):
        yield from shapes.items_of(page, items, doing)


def every_page(
    fetch: Callable[[str | None], Any],
    *,
    base: str,
    doing: str,
    most_pages: int,
    link_of: Callable[[Json], Any],
) -> Iterator[Json]:
    """Each page; `link_of(page)` is the address of the next one, None or "" on the last."""
    seen: set[str] = set()
    address: str | None = None
    for number in range(1, most_pages + 1):
        page = shapes.an_object(fetch(address), doing)
        raw = shapes.link_of({"next": link_of(page)}, "next", f"{doing} (page {number})")
        yield page
        if raw is None:
            return
        address = followed(raw, base, doing)
        if address in seen:
            raise AzureError(
                f"Azure's pages of {doing} lead in a circle: page {number} points to one that was already read.",
                "Run it again; report it to Azure if it stays.",
                code="PageLoop",
            )
        seen.add(address)
    raise AzureError(
        f"{doing} has more than {most_pages} pages. Reading was stopped.",
        "Raise azure.max_pages if there is so much.",
        code="TooManyPages",
    )
