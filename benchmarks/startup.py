"""How long `finops --help` and `import finops` take, beside an empty Python and the Azure CLI's building blocks.

    python benchmarks/startup.py

Each line is a fresh process, interleaved over the rounds; median and fastest wall time in seconds. The bar:
`finops --help` under 0.3 s, `import finops` next to nothing.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import finops": [sys.executable, "-c", "import finops"],
    "finops --version": [str(Path(sys.executable).with_name("finops")), "--version"],
    "finops --help": [str(Path(sys.executable).with_name("finops")), "--help"],
    "finops charges show --help": [str(Path(sys.executable).with_name("finops")), "charges", "show", "--help"],
    "import click": [sys.executable, "-c", "import click"],
    "import pandas": [sys.executable, "-c", "import pandas"],
    "import azure.ai.ml": [sys.executable, "-c", "from azure.ai.ml import MLClient"],
}


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for command in COMMANDS.values():
        seconds(command)  # warm the page cache
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    base = statistics.median(taken["python -c pass"])
    print(f"{'':30}{'median s':>10}{'fastest s':>11}{'x python':>10}")
    for name, each in taken.items():
        middle = statistics.median(each)
        print(f"{name:30}{middle:>10.3f}{min(each):>11.3f}{middle / base:>10.1f}")


if __name__ == "__main__":
    main()
