"""The outcome of a check for machines: JUnit XML, and annotations that GitHub shows beside the lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as Xml

from finops.policy.check import Checked
from finops.policy.scoring import Score

# Characters that XML 1.0 does not allow, not even escaped.
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(checked: list[Checked], command: str = "finops policy check") -> str:
    """A test suite for each policy or rule: its cases, its lint errors, its mutation score."""
    root = Xml.Element("testsuites", name=command)
    for one in checked:
        suite = Xml.SubElement(root, "testsuite", name=_clean(one.name))
        failed = {failure.case.file: failure for failure in one.failures}
        for case in one.cases:
            failure = failed.get(case.file)
            _case(suite, one, case.name, str(case.file), f"{failure.what}\n{failure.told}" if failure else None)
        errors = "\n".join(map(str, one.errors))
        _case(suite, one, "lint", str(one.file), errors or None)
        if one.score is not None:
            text = f"{weakness(one)}\n{survivors(one.score)}" if one.is_weak else None
            _case(suite, one, "mutations", str(one.file), text)
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
    root.set("tests", str(sum(len(suite) for suite in root)))
    root.set("failures", str(len(root.findall("testsuite/testcase/failure"))))
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


def _case(suite: Xml.Element, one: Checked, name: str, file: str, failure: str | None) -> None:
    case = Xml.SubElement(suite, "testcase", classname=_clean(one.name), name=_clean(name), file=_clean(file))
    if failure:
        told = _clean(failure)
        Xml.SubElement(case, "failure", message=told.splitlines()[0]).text = told


def _clean(text: str) -> str:
    return FORBIDDEN.sub("\ufffd", text)


def weakness(one: Checked) -> str:
    """What is wrong with the score of a policy."""
    assert one.score is not None
    return (
        f"The cases notice {one.score.noticed} of {one.score.all} changes of the rule ({one.score.percent:.1f} %); "
        f"at least {one.least:g} % is wanted."
    )


def survivors(score: Score) -> str:
    """One line for each change that no case noticed."""
    return "\n".join(f"not noticed: {mutant.place}: {mutant.what}" for mutant in score.survivors)


def github(checked: list[Checked], root: Path) -> Iterator[str]:
    """GitHub's workflow commands, with paths as they are from `root`.

    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    words = {"error": "error", "warning": "warning", "note": "notice"}
    for one in checked:
        for found in one.findings:
            text = f"{found.place} {found.what} {found.fix}".strip()
            yield _annotation(words[found.level], found.file, found.line, f"{one.name}: {found.rule}", text, root)
        for failure in one.failures:
            text = f"{failure.what}\n{failure.told}".strip()
            yield _annotation("error", failure.case.file, 1, f"{one.name}: {failure.case.name}", text, root)
        if one.is_weak and one.score:
            text = f"{weakness(one)}\n{survivors(one.score)}"
            yield _annotation("error", one.file, 1, f"{one.name}: mutations", text, root)


def _annotation(word: str, file: Path, line: int, title: str, text: str, root: Path) -> str:
    here = file.resolve()
    shown = here.relative_to(root.resolve()) if here.is_relative_to(root.resolve()) else file
    return f"::{word} file={_property(str(shown))},line={line},title={_property(title)}::{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
