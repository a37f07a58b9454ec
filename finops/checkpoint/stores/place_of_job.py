"""Which job this is, and where its checkpoints are found again after Azure ML has started it anew."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from finops.checkpoint.faults import StoreFault
from finops.checkpoint.saying import warn

FOLDER = "FINOPS_CHECKPOINT_FOLDER"
OUTPUT = "checkpoints"
# How Azure ML tells a job where it mounted an output, before its name; the second is the older SDK's, which jobs on
# Kubernetes and Singularity still get. Both are met in either case.
TOLD = ("azure_ml_output_", "azureml_datareference_")


def default_job(env: Mapping[str, str] = os.environ) -> str:
    """Azure ML's run, which keeps its id when it is started again on another node; else the name of the script."""
    return env.get("AZUREML_RUN_ID") or Path(sys.argv[0] or "interactive").stem


def arguments() -> list[str]:
    """The script's name and what it was given, nothing where it has no name.

    A notebook is given the address of its kernel, another each time.
    """
    script = Path(sys.argv[0]).name
    return [] if script in ("", "-c", "ipykernel_launcher.py") else [script, *sys.argv[1:]]


def default_folder(env: Mapping[str, str] = os.environ) -> str:
    """The setting; else, in an Azure ML job, its mounted output `checkpoints`; else ./checkpoints.

    Raises StoreFault where the setting is an expression that Azure ML has left as it was.
    """
    if named := env.get(FOLDER):
        if "${{" in named:
            # It is filled in within `command` only (github.com/microsoft/physical-ai-toolchain/issues/855).
            raise StoreFault(
                f"{FOLDER} is {named}: Azure ML does not fill in what stands in environment_variables.",
                f"Call the output `{OUTPUT}` and leave the setting out, or set it in the job's command.",
            )
        return named
    if mounted := _output(env):
        if _lies_on_the_nodes_disk(mounted):
            _warn(f"The output `{OUTPUT}` is on the node's own disk, and uploaded when the job ends")
        return mounted
    if "AZUREML_RUN_ID" in env:
        _warn(f"This job has no output named `{OUTPUT}`: ./outputs/checkpoints is used")
        return "outputs/checkpoints"
    return "checkpoints"


def _output(env: Mapping[str, str]) -> str:
    known = {name.lower(): value for name, value in env.items()}
    return next((path for before in TOLD if (path := known.get(f"{before}{OUTPUT}", ""))), "")


def _lies_on_the_nodes_disk(path: str) -> bool:
    """Whether it lies where the job's working directory does, which is on the node."""
    try:
        return os.stat(path).st_dev == os.stat(os.curdir).st_dev
    except OSError:  # it is not there yet
        return False


def _warn(what: str) -> None:
    warn(
        f"{what}, which a job that is started again on another node may not find. Mount it (mode: rw_mount): "
        "see docs/checkpoint.md."
    )
