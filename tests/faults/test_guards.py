"""The list of guards stays true: what is to be taken out is there, the tests are there, and the manual names them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from guards import GUARDS, Guard
from mutants import tables

ROOT = Path(__file__).parent.parent.parent
MANUAL = ROOT / "docs/invariants.md"


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_what_is_taken_out_is_there_once_and_python_without_it(guard: Guard):
    texts = {file: (ROOT / file).read_text("utf-8") for file, _, _ in guard.edits}
    for file, old, new in guard.edits:
        assert texts[file].count(old) == 1, f"{file}: {old}"
        texts[file] = texts[file].replace(old, new)

    for file, text in texts.items():
        assert text != (ROOT / file).read_text("utf-8")
        if file.endswith(".py"):
            ast.parse(text)


def test_guards_have_names_of_their_own():
    assert len({guard.name for guard in GUARDS}) == len(GUARDS)


def test_each_named_test_is_there():
    named = {test for guard in GUARDS for test in guard.tests} | set(
        re.findall(r"`((?:faults/|contract/)?test_\w+\.py::test_\w+)`", MANUAL.read_text("utf-8"))
    )

    missing = [
        test
        for test in sorted(named)
        if f"\ndef {test.partition('::')[2]}(" not in (ROOT / "tests" / test.partition("::")[0]).read_text("utf-8")
    ]
    assert missing == []


def test_the_manual_has_every_invariant_with_its_tests_and_guards():
    text = MANUAL.read_text("utf-8")

    assert re.findall(r"^## (I\d+)\. ", text, re.MULTILINE) == [f"I{number}" for number in range(1, 27)]
    for part in tables(GUARDS).values():
        assert part in text, "run: python tests/faults/mutants.py --write"
