"""The bar of the watch: a cluster that somebody leaves on is in the mailbox one cycle later, over every wire."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from mailing import Taken, smtp

from finops.cli import cli
from finops.cloud import connect
from finops.config.model import AzureSettings
from finops.simulator import Served, serving

VERSION = "2024-04-01"
CYCLE = 15  # minutes: watch.minutes


class Site:
    """An estate in which people work, and a daemon's command every 15 minutes, with a mail server."""

    def __init__(self, server: Served, taken: Taken) -> None:
        self._server, self._taken = server, taken
        [self.cluster] = [
            one["id"]
            for one in server.world.resources.of_type("microsoft.machinelearningservices/workspaces/computes")
            if one["id"].endswith("/gpu-a100-train")
        ]

    def keep(self, nodes: int) -> None:
        """What a person does in the studio: the cluster's minimum, over ARM."""
        with connect(AzureSettings(endpoint=self._server.url)) as azure:
            azure.patch(
                self.cluster,
                VERSION,
                {"properties": {"properties": {"scaleSettings": {"minNodeCount": nodes, "maxNodeCount": 4}}}},
            )

    def look(self, minutes: int = CYCLE) -> list[str]:
        """The subjects of the mails that arrive when one looks so much later."""
        before = Counter(self._taken.pairs())
        self._server.world.clock.advance(hours=minutes / 60)
        done = CliRunner().invoke(cli, ["budget", "watch", "--tell", "--azure", self._server.url])
        assert done.exit_code in (0, 20), done.output
        return [subject for _, subject in (Counter(self._taken.pairs()) - before).elements()]


@contextmanager
def site(folder: Path, estate: Path) -> Iterator[Site]:
    with serving(estate) as server, smtp(folder / "taken") as (port, taken, _):
        (folder / "finops.yaml").write_text(
            "watch: {above_usual: 200}  # what else runs in this estate is less\n"
            "mail: {transport: smtp, finance: [g@x.example], "
            f"smtp: {{host: 127.0.0.1, port: {port}, security: none}}}}\n"
        )
        yield Site(server, taken)


def test_a_cluster_left_on_is_told_within_one_cycle_once_and_closed_when_it_is_off(
    tmp_path: Path, small_estate: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    with site(tmp_path, small_estate) as found:
        found.keep(0)
        quiet = found.look(minutes=60)
        found.keep(4)
        first, second = found.look(), found.look()
        found.keep(0)
        last = found.look(minutes=60)

    assert (quiet, len(first), second) == ([], 1, [])
    assert "gpu-a100-train left on at $14.69 an hour" in first[0]
    assert [one.startswith("Ended: gpu-a100-train, about $") for one in last] == [True]
