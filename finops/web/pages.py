"""The templates of the page. What is missing is an error, never a blank; everything is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from .chart import plain
from .rows import stops
from .words import FILTERS

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"


class Pages:
    """Renders one template into an answer."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(FILTERS, plain=plain, stops=stops)

    def answer(self, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        text = self._environment.get_template(template).render(context)
        return HTMLResponse(text.encode("utf-8", "replace"), status)
