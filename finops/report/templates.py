"""The templates of reports/, yours before the shipped ones, and what they may use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.config import folder
from finops.errors import ConfigError
from finops.report.words import Words

if TYPE_CHECKING:
    from jinja2 import Environment


class Templates:
    """Renders files of reports/. A figure that is missing is an error, never a blank."""

    def __init__(self, own: Path | None, words: Words) -> None:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        if own is not None and not own.is_dir():
            raise ConfigError(
                f"folders.reports is {own}, which is not a folder.", "Make it, or leave the setting out: ours are used."
            )
        self._environment: Environment = Environment(
            loader=FileSystemLoader([*([own] if own else []), folder("reports")]),
            # By name, not by select_autoescape: that leaves a .html.j2 unescaped.
            autoescape=_is_html,  # noqa: S701
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(words.filters())

    def render(self, name: str, /, **context: Any) -> str:
        """The text of template `name`. Raises ConfigError that says which template is wrong, and where."""
        from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError

        try:
            return self._environment.get_template(name).render(**context)
        except TemplateNotFound as missing:
            raise ConfigError(
                f"The template {missing.name} is in neither folders.reports nor the shipped reports/.",
                "Put it there, or take back the change that asks for it.",
            ) from missing
        except TemplateSyntaxError as fault:
            raise ConfigError(
                f"{fault.filename or name}, line {fault.lineno}: {fault.message}.", "See reports/README.md."
            ) from fault
        except TemplateError as fault:
            raise ConfigError(f"The template {name} could not be filled in: {fault.message}.", _ADVICE) from fault

    def line(self, name: str, /, **context: Any) -> str:
        """A template's text on one line, as subjects and sentences need it."""
        return " ".join(self.render(name, **context).split())

    def lines(self, name: str, /, **context: Any) -> list[str]:
        """Every line of a template's text that holds something."""
        return [" ".join(line.split()) for line in self.render(name, **context).splitlines() if line.strip()]

    def source(self, name: str) -> str:
        """A file of the folder as it is, such as style.css."""
        from jinja2 import TemplateNotFound

        try:
            loader = self._environment.loader
            assert loader is not None
            return loader.get_source(self._environment, name)[0]
        except TemplateNotFound as missing:
            raise ConfigError(f"{name} is missing from reports/.", "Install aml-finops anew.") from missing


def _is_html(name: str | None) -> bool:
    return name is None or ".html" in name


_ADVICE = "docs/report.md lists what templates may use."
