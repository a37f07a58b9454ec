"""The order of system calls: the intent is on the disk before the request leaves for Azure."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from estates import cluster, workspace_id, write_estate

from finops.simulator import serving

ACTING = """
import sys
from datetime import datetime
from finops.acts import Caps, generation_of, perform, tagging
from finops.cloud import connect
from finops.config.model import AzureSettings
from finops.state import State

url, file, resource = sys.argv[1:]
with connect(AzureSettings(endpoint=url)) as azure, State.open(file) as state:
    body = azure.get(resource, "2024-04-01")
    act = tagging(resource, generation_of(body), {"CostCenter": "CC-1"}, body["tags"], "why", "rule", {})
    now = datetime.fromisoformat("2026-11-22T06:00:00+00:00")
    (done,) = perform([act], azure, state, Caps(1, 100, None, None, 1), now, "decided")
    assert done.result == "done", done
"""


def test_the_disk_is_written_through_right_before_the_request_leaves(tmp_path: Path):
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("no strace here (apt-get install strace)")
    with serving(write_estate(tmp_path / "estate"), retry_after=0) as served:
        body = cluster(workspace_id("ml-prod"), "one")
        served.world.resources.put(body)
        traced = subprocess.run(
            [strace, "-f", "-s", "12", "-e", "trace=fdatasync,sendto", "-o", tmp_path / "calls", sys.executable, "-c",
             ACTING, served.url, tmp_path / "state.db", body["id"]],
            capture_output=True, text=True,
        )  # fmt: skip
    calls = (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []
    if not calls and "ptrace" in traced.stderr.lower():
        pytest.skip("strace may not trace here")
    assert traced.returncode == 0, traced.stderr
    patch = next(number for number, line in enumerate(calls) if '"PATCH /' in line)

    assert "fdatasync(" in calls[patch - 1]
    assert calls[patch - 1].rstrip().endswith("= 0")
