"""The house rules that a machine can hold: imports point down, one version, every command and setting documented."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import finops
from finops.cli import COMMANDS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "finops"

# Each floor may import the ones before it (DESIGN section 4). `simulator` stands beside: see its own test.
FLOORS = [
    {"errors"},
    {"config", "state", "conditions", "checkpoint", "tokens"},
    {"cloud", "served"},
    {"estate", "charges", "prices"},
    {"images", "forecast", "anomalies"},
    {"policy", "spot", "tags", "exemptions", "budget", "tiering"},
    {"janitor"},
    {"acts", "report", "mail", "approvals"},
    {"tombstones"},
    {"jobs"},
    {"daemon", "web"},
    {"cli"},
]


def modules() -> list[str]:
    return sorted(path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists())


def files_of(module: str) -> list[Path]:
    single = PACKAGE / f"{module}.py"
    return [single] if single.exists() else sorted((PACKAGE / module).rglob("*.py"))


@cache
def imports_of(file: Path) -> set[str]:
    """Dotted names that `file` imports, at any depth, those for type checking included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def rooms(file: Path) -> set[str]:
    return {name.split(".")[1] for name in imports_of(file) if name.startswith("finops.")} - {"__version__"}


def test_every_module_has_its_floor():
    assert set(modules()) - {"__init__", "__main__", "simulator"} == set().union(*FLOORS)


def test_imports_point_down():
    below: set[str] = set()
    for floor in FLOORS:
        for module in floor - {"cli"}:
            for file in files_of(module):
                assert rooms(file) <= below | {module}, f"{file.relative_to(ROOT)} looks up"
        below |= floor


def test_the_simulator_knows_nothing_of_the_engine():
    for file in files_of("simulator"):
        assert rooms(file) <= {"errors", "config", "conditions", "simulator"}, file.relative_to(ROOT)


def test_only_the_command_line_uses_the_simulator():
    users = {f.relative_to(PACKAGE).parts[0] for m in modules() for f in files_of(m) if "simulator" in rooms(f)}

    assert users <= {"cli", "simulator"}


def test_only_cloud_and_checkpoints_know_azures_clients():
    users = {
        file.relative_to(PACKAGE).parts[0]
        for module in modules()
        for file in files_of(module)
        if any(name.split(".")[0] in {"azure", "msrest", "msal"} for name in imports_of(file))
    }

    # A training keeps its checkpoints in blobs without the daemon, and by azure-storage-blob where it has that.
    assert users == {"cloud", "checkpoint"}


def test_no_file_outgrows_its_room():
    long = {
        str(file.relative_to(ROOT)): lines
        for file in sorted(PACKAGE.rglob("*.py"))
        if (lines := len(file.read_text("utf-8").splitlines())) > 400
    }

    assert long == {}


def test_every_file_says_its_one_job_first():
    for file in sorted(PACKAGE.rglob("*.py")):
        assert ast.get_docstring(ast.parse(file.read_text("utf-8"))), f"{file.relative_to(ROOT)} has no docstring"


@pytest.mark.parametrize("banned", ["|safe", "Markup(", "from_string(", "NotImplementedError"])
def test_what_the_house_does_without(banned: str):
    users = [
        str(f.relative_to(ROOT))
        for folder in ("finops", "reports")
        for f in (ROOT / folder).rglob("*")
        if f.is_file()
        and f.suffix in {".py", ".html", ".txt"}
        and banned in f.read_text("utf-8").replace("| safe", "|safe")
    ]

    assert users == []


def test_version_and_changelog_agree():
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+|Unreleased)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)

    assert newest
    assert newest[1] in {"Unreleased", finops.__version__}


def test_every_setting_is_documented():
    from finops.config.model import Settings
    from finops.config.reading import paths

    text = (ROOT / "docs/settings.md").read_text("utf-8")

    assert [path for path in paths(Settings) if f"`{path}`" not in text] == []


def commands() -> list[str]:
    import click

    from finops.cli import cli

    found = []
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        inner = getattr(command, "commands", None)
        found += [f"finops {name} {sub}" for sub in inner] if inner else [f"finops {name}"]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_is_documented(command: str):
    text = "".join(file.read_text("utf-8") for file in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")])

    assert command in text


@pytest.mark.parametrize("command", commands())
def test_every_command_answers_help(command: str):
    from click.testing import CliRunner

    from finops.cli import cli

    result = CliRunner().invoke(cli, [*command.split()[1:], "--help"])

    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def test_every_link_in_the_documents_leads_somewhere():
    broken = []
    for file in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*/README.md")]:
        for target in re.findall(r"\]\(([^)#\s]+)", file.read_text("utf-8")):
            if "://" not in target and not target.startswith("mailto:") and not (file.parent / target).exists():
                broken.append(f"{file.relative_to(ROOT)}: {target}")

    assert broken == []


HEAVY = {
    "pandas",
    "duckdb",
    "pyarrow",
    "azure",
    "matplotlib",
    "starlette",
    "uvicorn",
    "pydantic",
    "rich",
    "jinja2",
    "sqlalchemy",
    "alembic",
}


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_help_loads_nothing_heavy():
    run = "from finops.cli import cli; cli(['--help'], standalone_mode=False)"

    assert loaded_after(run) & HEAVY == set()


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_commands_own_help_loads_nothing_heavy(command: str):
    assert loaded_after(f"import finops.cli.{command}") & HEAVY == set()


def test_the_package_itself_needs_only_python():
    bare = loaded_after("pass")

    assert loaded_after("import finops") - bare - {"finops"} == set()
