"""A training environment needs nothing of ours: the helper runs on the standard library, and loads little of that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent

THREE_LINES = """
import json, random, sys, warnings
from array import array
warnings.simplefilter("error")
from finops import checkpoint

class Model:
    weights = array("d", [0.0] * 4)
    def state_dict(self): return {"weights": self.weights}
    def load_state_dict(self, state): self.weights = state["weights"]

model, seen = Model(), []
ck = checkpoint.open(state={"model": model, "seen": seen}, job="bare")
try:
    for batch in ck.run(list(range(100)), epochs=1):
        model.weights[batch % 4] += random.random()
        seen.append(batch)
        ck.step(loss=1 / (1 + batch))
        if batch == stop:
            ck.save(wait=True)
            break
finally:
    ck.close()
foreign = sorted(name for name in ("numpy", "torch", "azure", "click", "pandas", "requests") if name in sys.modules)
print(json.dumps({"restored": ck.stats().restored, "seen": seen, "weights": list(model.weights), "loaded": foreign}))
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment in which nothing is installed."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True, with_pip=False)
    return folder / "bin" / "python"


def run(python: Path, folder: Path, *arguments: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AZUREML", "AZURE_ML", "FINOPS"))}
    done = subprocess.run(
        [python, *arguments],
        cwd=folder,
        env={**env, "PYTHONPATH": str(CHECKOUT), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_opens_saves_and_restores_where_nothing_is_installed(bare: Path, tmp_path: Path):
    whole = json.loads(run(bare, tmp_path, "-c", f"import random; random.seed(7); stop = 1000\n{THREE_LINES}"))
    (tmp_path / "two").mkdir()

    begun = json.loads(run(bare, tmp_path / "two", "-c", f"import random; random.seed(7); stop = 41\n{THREE_LINES}"))
    ended = json.loads(run(bare, tmp_path / "two", "-c", f"stop = 1000\n{THREE_LINES}"))

    assert (begun["restored"], ended["restored"], len(begun["seen"])) == (None, 42, 42)
    assert (ended["seen"], ended["weights"]) == (whole["seen"], whole["weights"])
    assert sorted(ended["seen"]) == list(range(100))
    assert begun["loaded"] == ended["loaded"] == []


@pytest.mark.parametrize("first", ["bare", "with zlib-ng"])
def test_where_zlib_ng_computes_the_checksums_is_all_the_same(bare: Path, tmp_path: Path, first: str):
    """It is installed beside the tests, and not in the bare environment."""
    order = (bare, Path(sys.executable)) if first == "bare" else (Path(sys.executable), bare)
    begun = json.loads(run(order[0], tmp_path, "-c", f"stop = 41\n{THREE_LINES}"))
    ended = json.loads(run(order[1], tmp_path, "-c", f"stop = 1000\n{THREE_LINES}"))

    assert (begun["restored"], ended["restored"]) == (None, 42)
    assert sorted(ended["seen"]) == list(range(100))
    assert ended["seen"][:42] == begun["seen"]


LOADED = """
import sys
before = set(sys.modules)
from finops import checkpoint
print(*sorted(set(sys.modules) - before))
"""

SLOW = {"asyncio", "concurrent", "ctypes", "hashlib", "http", "json", "logging", "multiprocessing", "socket", "ssl",
        "subprocess", "tempfile", "threading", "typing_extensions", "urllib"}  # fmt: skip


def test_importing_it_loads_next_to_nothing(bare: Path, tmp_path: Path):
    loaded = run(bare, tmp_path, "-c", LOADED).split()

    ours = {name for name in loaded if name.startswith("finops")}
    assert ours == {"finops", "finops.errors", "finops.checkpoint", "finops.checkpoint.faults"}
    assert not {name.partition(".")[0] for name in loaded} & SLOW
    assert len(loaded) < 40


EACH = """
import importlib, json, sys
missing = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module("finops.checkpoint." + name)
    except ModuleNotFoundError as fault:
        missing[name] = fault.name
print(json.dumps([missing, sorted({name.partition(".")[0] for name in sys.modules} - {*sys.stdlib_module_names})]))
"""

# Made of a class of the library that they are for, so nobody loads them without it.
FOR_ONE_LIBRARY = {"resharding", "lightning", "transformers"}


def test_what_it_loads_is_ours_or_pythons_own(bare: Path, tmp_path: Path):
    modules = sorted(path.stem for path in (CHECKOUT / "finops" / "checkpoint").glob("[!_]*.py"))

    missing, loaded = json.loads(run(bare, tmp_path, "-c", EACH, *modules))

    assert missing.keys() <= FOR_ONE_LIBRARY
    assert set(missing.values()) <= {"torch", "lightning", "pytorch_lightning", "transformers"}
    assert set(loaded) <= {"__main__", "finops", "sitecustomize"}
