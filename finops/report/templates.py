"""The templates of reports/, yours before the shipped ones, and what they may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finops.config import folder
from finops.errors import ConfigError
from finops.report.columns import one_stop
from finops.report.dated import dated
from finops.report.words import Words

if TYPE_CHECKING:
    from jinja2 import Environment

WORDS = "words.yaml"
_ADVICE = "docs/report.md lists what templates may use."
# What a template can do wrong with a figure that is there: add it to a text, ask it for what it has not.
_MISUSED = (TypeError, ValueError, AttributeError, ArithmeticError, LookupError)


class Templates:
    """Renders files of reports/. A figure that is missing is an error, never a blank."""

    def __init__(self, own: Path | None, words: Words) -> None:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        if own is not None and not own.is_dir():
            raise ConfigError(
                f"folders.reports is {own}, which is not a folder.", "Make it, or leave the setting out: ours are used."
            )
        self.words = replace(words, phrases=phrases(own))
        self._environment: Environment = Environment(
            loader=FileSystemLoader([*([own] if own else []), folder("reports")]),
            # By name, not by select_autoescape: that leaves a .html.j2 unescaped.
            autoescape=_is_html,  # noqa: S701
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=self._printed,
        )
        self._environment.filters.update(self.words.filters())

    def render(self, name: str, /, **context: Any) -> str:
        """The text of template `name`. Raises ConfigError that says which template is wrong, and on which line."""
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
        except (TemplateError, *_MISUSED) as fault:
            raise ConfigError(f"{_place(fault, name)} could not be filled in: {fault}.", _ADVICE) from fault

    def line(self, name: str, /, **context: Any) -> str:
        """A template's text on one line, as subjects and sentences need it."""
        return _joined(self.render(name, **context))

    def lines(self, name: str, /, **context: Any) -> list[str]:
        """Every line of a template's text that holds something."""
        return [_joined(line) for line in self.render(name, **context).split("\n") if line.strip()]

    def exactly(self, count: int, name: str, /, **context: Any) -> list[str]:
        """The lines of a template that must have `count` of them."""
        found = self.lines(name, **context)
        if len(found) != count:
            raise ConfigError(
                f"The template {name} came to {len(found)} lines; it must have {count}.",
                "Its first comment says what each line is.",
            )
        return found

    def _printed(self, value: Any) -> Any:
        """What a template prints: a text with its dates as the site's locale has them, all else as it is."""
        if not isinstance(value, str) or self.words.writing.is_ours:
            return value
        return type(value)(dated(value, self.words.writing))

    def source(self, name: str) -> str:
        """A file of the folder as it is, such as style.css."""
        from jinja2 import TemplateNotFound

        try:
            loader = self._environment.loader
            assert loader is not None
            return loader.get_source(self._environment, name)[0]
        except TemplateNotFound as missing:
            raise ConfigError(f"{name} is missing from reports/.", "Install aml-finops anew.") from missing


def phrases(own: Path | None) -> Mapping[str, str]:
    """The site's words for ours, from its words.yaml; none without one. ConfigError for a phrase that we do not use."""
    import yaml

    file = own / WORDS if own else None
    if file is None or not file.is_file():
        return {}
    ours = yaml.safe_load((folder("reports") / WORDS).read_text("utf-8"))
    try:
        theirs = yaml.safe_load(file.read_text("utf-8")) or {}
    except (yaml.YAMLError, UnicodeError) as fault:
        raise ConfigError(f"{file} is not YAML: {fault}.", "Write lines such as  On plan: Im Plan.") from fault
    if not isinstance(theirs, dict):
        raise ConfigError(f"{file} holds no list of phrases.", "Write lines such as  On plan: Im Plan.")
    for phrase, said in theirs.items():
        if phrase not in ours:
            raise ConfigError(f"{file}: '{phrase}' is not a phrase of ours.", f"The shipped {WORDS} lists them all.")
        if not isinstance(said, str) or not said.strip():
            raise ConfigError(f"{file}: '{phrase}' has no words.", "Put them in quotation marks, or leave it out.")
    return dict(theirs)


def _joined(text: str) -> str:
    """One line with single spaces. No-break spaces stay: amounts hold them."""
    return one_stop(" ".join(part for part in text.replace("\n", " ").replace("\t", " ").split(" ") if part))


def _place(fault: Exception, name: str) -> str:
    """The innermost line of a template that the fault passed through: "reports/weekly.txt, line 12,"."""
    place, trace = f"The template {name}", fault.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.endswith((".html", ".txt")):
            place = f"{file}, line {trace.tb_lineno},"
        trace = trace.tb_next
    return place


def _is_html(name: str | None) -> bool:
    return name is None or ".html" in name
