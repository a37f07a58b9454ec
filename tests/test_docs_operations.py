"""What operators read is true as far as a machine can tell: whatever it names by name exists."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = ["operations.md", "architecture.md", "failure-modes.md", "when-not-to-use.md"]


def text_of(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def prose(name: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"```.*?```", "", text_of(name), flags=re.S)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@cache
def named_in(name: str) -> frozenset[str]:
    """The names of the tests in the file of that name, wherever below tests/ it is."""
    texts = [path.read_text("utf-8") for path in (ROOT / "tests").rglob(name)]
    return frozenset(re.findall(r"^(?:async )?def (test_\w+)\(", "\n".join(texts), re.M))


def failures() -> list[list[str]]:
    rows = re.findall(r"^\| (\d+ \| .+) \|$", text_of("failure-modes.md"), re.M)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in rows]


def test_every_failure_names_a_test_that_exists():
    named = [(row[0], re.fullmatch(r"`(test_\w+\.py)::(test_\w+)`", row[-1])) for row in failures()]

    assert [number for number, test in named if not test or test[2] not in named_in(test[1])] == []


def test_every_failure_says_impact_likelihood_notice_and_mending():
    rows = failures()

    assert len(rows) >= 40
    assert [row[0] for row in rows if len(row) != 7 or not all(row)] == []


def test_failures_are_numbered_through():
    assert [int(row[0]) for row in failures()] == list(range(1, len(failures()) + 1))


def test_how_likely_is_said_in_the_words_that_the_page_explains():
    words = {"often", "sometimes", "seldom", "hardly", "certain", "every"}

    assert {row[3].split(",")[0].split()[0] for row in failures()} <= words


@pytest.mark.parametrize("page", PAGES)
def test_anchors_lead_somewhere(page: str):
    broken = []
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", text_of(page)):
        file = (DOCS / target) if target else DOCS / page
        if "://" not in target and anchor not in anchors(file):
            broken.append(f"{target}#{anchor}")

    assert broken == []


def test_every_alert_leads_to_what_to_do():
    rules = (ROOT / "cron/alert-rules.yaml").read_text("utf-8")
    led_to = set(re.findall(r"runbook: docs/operations\.md#(\S+)", rules))

    assert led_to
    assert led_to - anchors(DOCS / "operations.md") == set()


def commands_named(page: str) -> set[str]:
    """What follows `finops`, or the alias `f` of operations.md, where it is written as code."""
    blocks = re.findall(r"```.*?```", text_of(page), re.S)
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(page))]
    words = re.findall(r"(?:^|[ ;/])(?:finops|f)((?: [a-z][a-z-]*)+)", "\n".join([*blocks, *spans]), re.M)
    return {found.strip() for found in words}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_named_exists(page: str):
    import click

    from finops.cli import cli

    unknown = []
    for words in commands_named(page):
        command: click.Command | None = cli
        for word in words.split():
            if not isinstance(command, click.Group):
                break
            command = command.get_command(click.Context(command), word)
        if command is None:
            unknown.append(words)
    assert sorted(unknown) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_that_is_named_exists(page: str):
    from finops.config.model import Settings
    from finops.config.reading import paths

    there = set(paths(Settings))
    sections = {path.split(".")[0] for path in there}
    named = re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", prose(page))
    suffixes = ("md", "py", "yaml", "service", "timer", "db", "sql", "txt", "json", "gz", "invalid")

    wrong = [
        name
        for name in named
        if name.split(".")[0] in sections and name.split(".")[-1] not in suffixes
        if not any(path == name or path.startswith(f"{name}.") for path in there)
    ]
    assert wrong == []


@pytest.mark.parametrize("page", ["operations.md", "failure-modes.md"])
def test_every_metric_that_is_named_exists(page: str):
    known = (ROOT / "finops/daemon/metrics.py").read_text("utf-8") + text_of("metrics.md")
    named = set(re.findall(r"\b(finops_[a-z_]+)", text_of(page)))

    assert [name for name in sorted(named) if name not in known] == []


def test_the_pillars_are_all_there():
    text = text_of("architecture.md")

    for pillar in (
        "Reliability",
        "Security",
        "Cost optimisation",
        "Operational excellence",
        "Performance efficiency",
    ):
        assert f"**{pillar}.**" in text
    assert " ".join(text.split()).count("*Not done:*") >= 5
