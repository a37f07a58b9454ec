"""`finops daemon events`: settings checked, the command for az printed, no secret in it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from estates import DEV, PROD, TENANT
from eventing import AUDIENCE, SECRET, posting, settings

from finops.cli import cli
from finops.config.model import Settings
from finops.daemon.governed import OPERATIONS
from finops.daemon.subscribing import MOST_VALUES, command, remarks

GOOD = {
    "listen": "0.0.0.0:9465", "url": "https://finops.contoso.com/events", "tenant_id": TENANT, "audience": [AUDIENCE],
}  # fmt: skip


def run(folder: Path, *arguments: str, **events: Any) -> Result:
    file = folder / "finops.yaml"
    said = {"azure": {"subscriptions": [DEV, PROD]}, "daemon": {"events": events}}
    file.write_text(json.dumps(said), "utf-8")
    return CliRunner().invoke(cli, ["daemon", "events", "--config", str(file), *arguments])


def given(**events: Any) -> Settings:
    return settings(**{**GOOD, **events})


def test_the_command_names_what_az_needs():
    words = shlex.split(command(given(), DEV).replace("\\\n", ""))

    assert words[:4] == ["az", "eventgrid", "event-subscription", "create"]
    assert words[words.index("--source-resource-id") + 1] == f"/subscriptions/{DEV}"
    assert words[words.index("--endpoint") + 1] == "https://finops.contoso.com/events"
    assert words[words.index("--azure-active-directory-application-id-or-uri") + 1] == AUDIENCE
    assert words[words.index("--azure-active-directory-tenant-id") + 1] == TENANT
    assert "Microsoft.Resources.ResourceWriteSuccess" in words


def test_event_grid_takes_as_many_values_as_we_filter_by():
    assert len(OPERATIONS) <= MOST_VALUES


def test_a_secret_goes_along_by_its_name_only():
    text = command(given(audience=[], secret=SECRET), DEV)

    assert SECRET not in text
    assert '--delivery-attribute-mapping x-finops-events-key static "$FINOPS_EVENTS_KEY" true' in text


def test_a_name_cannot_add_to_the_command():
    text = command(given(url="https://finops.contoso.com/$(reboot)"), DEV)

    assert "--endpoint 'https://finops.contoso.com/$(reboot)'" in text


def test_settings_that_are_right_give_a_command_a_subscription(tmp_path: Path):
    result = run(tmp_path, **GOOD)

    assert result.exit_code == 0, result.output
    assert result.stdout.count("az eventgrid event-subscription create") == 2


def test_what_stands_in_the_way_is_said(tmp_path: Path):
    result = run(tmp_path)

    assert result.exit_code == 20
    assert "the guard only polls" in result.stderr
    assert "nobody from outside may post" in result.stderr


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ({"listen": "127.0.0.1:1"}, "only a proxy on this machine"),
        ({"url": "http://127.0.0.1/events"}, "https:// only"),
        ({"secret": SECRET, "secret_before": SECRET}, "still taken"),
        ({"url": None}, "daemon.events.url is empty"),
    ],
)
def test_each_remark(events: dict[str, Any], said: str):
    assert any(said in one for one in remarks(given(**events)))


def test_it_asks_whether_strangers_are_refused(tmp_path: Path):
    with posting(tmp_path) as hook:
        result = run(tmp_path, "--ask", listen="127.0.0.1:1", url=hook.url, secret=SECRET)
    assert "stranger" not in result.output

    with posting(tmp_path, settings()) as hook:
        result = run(tmp_path, "--ask", listen="127.0.0.1:1", url=hook.url, secret=SECRET)
    assert "takes events from anybody" in result.output


def test_it_says_when_nothing_answers(tmp_path: Path):
    assert "Nothing answers" in run(tmp_path, "--ask", **{**GOOD, "url": "http://127.0.0.1:9/events"}).output
