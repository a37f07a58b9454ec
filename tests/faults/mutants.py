"""Takes guards out of a copy of the tree, one at a time, and sees whether the tests that are named for it go red.

    python tests/faults/mutants.py                    # all of them: most of an hour
    python tests/faults/mutants.py caps-percent ...   # some, by name
    python tests/faults/mutants.py --write            # the tables of docs/invariants.md anew; runs nothing

The tests named for a guard are run without it, where each of them must be red, and once with all guards in place, where
they must be green. A test that skips proves nothing, and is told.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from guards import GUARDS, Guard

ROOT = Path(__file__).parent.parent.parent
# What tests import of others; what is not installed is left out.
WARM = (
    "sqlalchemy", "sqlalchemy.dialects.postgresql", "sqlalchemy.dialects.sqlite", "alembic.command",
    "pydantic", "yaml", "click", "rich.console", "jinja2", "starlette.applications", "starlette.testclient", "uvicorn",
    "uvicorn.protocols.http.h11_impl", "requests", "azure.core.rest", "azure.identity", "azure.mgmt.core.policies",
    "azure.core.pipeline.policies", "azure.mgmt.resource.resources", "azure.mgmt.costmanagement", "aiosmtpd.controller",
    "email.policy", "zoneinfo", "filelock", "itsdangerous", "simplejson", "pandas", "duckdb",
)  # fmt: skip
LIMIT = 600.0  # seconds for the tests of one guard; without it something may wait for ever, which is red too


@dataclass(frozen=True)
class Seen:
    """What became of the tests of one guard without it: red, green or skipped, by test."""

    guard: Guard
    tests: dict[str, str]
    seconds: float

    @property
    def killed(self) -> bool:
        return bool(self.tests) and set(self.tests.values()) <= {"red"}


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def copied(folder: Path) -> Path:
    """The tree as git knows it, with what is not committed, in a folder of its own."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def warmed() -> None:
    """Import what every run of tests imports, but nothing of ours: a child begins in a tenth of the time."""
    for name in WARM:
        with contextlib.suppress(ImportError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)


def ran(tree: Path, tests: Iterable[str], limit: float = LIMIT) -> dict[str, str]:
    """Each of the tests with red, green or skipped: the worst of its cases. All red where that took over `limit` s."""
    wanted = list(tests)
    with tempfile.TemporaryDirectory() as scratch:
        report, said = Path(scratch) / "report.xml", Path(scratch) / "said"
        arguments = [
            "-W",
            "ignore::pytest.PytestAssertRewriteWarning",
            "-p",
            "no:cacheprovider",
            "--tb=line",
            "-q",
            f"--junitxml={report}",
        ]
        arguments += [f"--basetemp={scratch}/pytest", *(f"tests/{test}" for test in wanted)]
        status = _forked(tree, arguments, said, limit)
        if status is None:
            return dict.fromkeys(wanted, "red")
        if not report.exists():
            say(f"The tests could not be run at all:\n{said.read_text('utf-8', 'replace')[-4000:]}")
            return dict.fromkeys(wanted, "not run")
        found: dict[str, str] = {}
        for case in ElementTree.parse(report).iter("testcase"):
            file = str(case.get("classname")).removeprefix("tests.").replace(".", "/")
            name = f"{file}.py::{str(case.get('name')).partition('[')[0]}"
            red = case.find("failure") is not None or case.find("error") is not None
            status_of = "red" if red else "skipped" if case.find("skipped") is not None else "green"
            if name not in found or status_of == "red" or found[name] == "skipped":
                found[name] = status_of if found.get(name) != "red" else "red"
    return {test: found.get(test, "not run") for test in wanted}


def _forked(tree: Path, arguments: list[str], said: Path, limit: float) -> int | None:
    """The exit status of pytest in a child of its own; None where it did not come to an end."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(_child(tree, arguments, said))
        except BaseException:  # noqa: BLE001 - a child must not come back, and clear away what is its parent's
            traceback.print_exc()
            os._exit(3)
    until = time.monotonic() + limit
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.1)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _child(tree: Path, arguments: list[str], said: Path) -> int:
    os.setsid()
    os.chdir(tree)
    out = os.open(said, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(out, stream)
    # Nothing compiled is kept: a file that changes twice within a second would be taken for the one before.
    sys.dont_write_bytecode = True
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.path[:] = [str(tree), *(one for one in sys.path if not one.startswith(str(ROOT)))]
    return int(pytest.main(arguments))


def without(tree: Path, guard: Guard) -> Seen:
    """What the tests say with the guard taken out. The copy is as before afterwards."""
    began = time.monotonic()
    before = {file: (tree / file).read_text("utf-8") for file, _, _ in guard.edits}
    try:
        for file, old, new in guard.edits:
            now = (tree / file).read_text("utf-8")
            if now.count(old) != 1:
                return Seen(guard, {f"it is there {now.count(old)} times in {file}": "not tried"}, 0)
            (tree / file).write_text(now.replace(old, new), "utf-8")
        return Seen(guard, ran(tree, guard.tests), time.monotonic() - began)
    finally:
        for file, text in before.items():
            (tree / file).write_text(text, "utf-8")


def tables(guards: Iterable[Guard]) -> dict[str, str]:
    """The guards of each invariant with their tests, as docs/invariants.md has them between its marks."""
    by: dict[str, list[str]] = {}
    for guard in guards:
        where = "<br>".join(f"`{file}`" for file in dict.fromkeys(file for file, _, _ in guard.edits))
        tests = "<br>".join(f"`{test}`" for test in guard.tests)
        by.setdefault(guard.invariant, []).append(f"| {guard.what} | {tests} | {where} |")
    head = "| Without | these go red | it stands in |\n|---|---|---|"
    return {
        one: "\n".join([f"<!-- guards of {one} -->", head, *rows, f"<!-- end of {one} -->"]) for one, rows in by.items()
    }


def write(manual: Path) -> None:
    text = manual.read_text("utf-8")
    for invariant, part in tables(GUARDS).items():
        before, mark, rest = text.partition(f"<!-- guards of {invariant} -->")
        _, end, after = rest.partition(f"<!-- end of {invariant} -->")
        if not (mark and end):
            raise SystemExit(f"{manual} has no place for the guards of {invariant}.")
        text = f"{before}{part}{after}"
    manual.write_text(text, "utf-8")


def tried(guards: Sequence[Guard]) -> list[Seen]:
    """Each guard taken out; then the tests that went red with all guards in place, where they must be green."""
    warmed()
    with tempfile.TemporaryDirectory(prefix="finops-mutants-") as scratch:
        tree = copied(Path(scratch))
        seen = []
        for number, guard in enumerate(guards, 1):
            one = without(tree, guard)
            word = "killed" if one.killed else "SURVIVED"
            say(f"{number:3} {guard.invariant:<4}{word:<9}{one.seconds:6.1f} s  {guard.name}")
            for test, status in one.tests.items():
                if status != "red":
                    say(f"      {status} without it: {test}")
            seen.append(one)
        red = sorted({test for one in seen for test, status in one.tests.items() if status == "red"})
        say(f"With all guards in place: {len(red)} tests.")
        void = (
            {test for test, status in ran(tree, red, len(red) * LIMIT).items() if status != "green"} if red else set()
        )
        for test in sorted(void):
            say(f"      not green: {test}, so it proves nothing")
    return [one for one in seen if not void & set(one.tests)] + [
        replace(one, tests={}) for one in seen if void & set(one.tests)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="guards to take out; all of them without")
    parser.add_argument("--write", action="store_true", help="write the tables of docs/invariants.md, and run nothing")
    asked = parser.parse_args()
    if asked.write:
        write(ROOT / "docs/invariants.md")
        return 0
    known = {guard.name for guard in GUARDS} | {guard.invariant for guard in GUARDS}
    if unknown := [name for name in asked.names if name not in known]:
        raise SystemExit(f"There is no guard {', '.join(unknown)}.")
    seen = tried([one for one in GUARDS if not asked.names or {one.name, one.invariant} & set(asked.names)])
    killed = sum(one.killed for one in seen)
    say(f"{killed} of {len(seen)} mutants killed: every test that is named for them went red.")
    return 0 if killed == len(seen) else 1


if __name__ == "__main__":
    sys.exit(main())
