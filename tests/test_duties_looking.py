"""The duties that look, tell and tidy: sweep, tell, deliver, compliance, housekeeping."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from applying import HOME, Applying, applying, empty_endpoint
from dutiful import TUESDAY, counted, never_asked, run, site
from estates import PROD

from finops.config.model import StateSettings
from finops.jobs.duties import Done
from finops.jobs.duties.looking import COMPLIANCE
from finops.state import State

EMPTY = f"{HOME}/onlineEndpoints/empty"
ASKING: dict[str, Any] = {"mode": "ask", "approvers": {"/": ["platform@contoso.example"]}}


def duty(janitor: Applying, name: str, **more: Any) -> Done:
    state = StateSettings(url=str(janitor.folder / "state.db"))
    return run(name, janitor.settings.model_copy(update={"state": state}), janitor.now, **more)


def mails(janitor: Applying) -> int:
    return len(list((janitor.folder / "outbox").glob("*.eml")))


def test_a_sweep_at_night_asks_nobody_and_tell_does_once_in_the_morning(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), **ASKING) as janitor:
        swept = duty(janitor, "sweep")
        none = mails(janitor)
        janitor.live(hours=3)
        told, again = (duty(janitor, "tell", azure=never_asked) for _ in range(2))

        assert (none, any("quiet hours" in sentence for sentence in swept.said)) == (0, True)
        assert mails(janitor) == sum(sentence.startswith("Mail: ") for sentence in told.said) > 0
        assert not any(sentence.startswith("Mail: ") for sentence in again.said)
        assert counted(told, "approvals_waiting") == counted(again, "approvals_waiting") == 1


def test_a_sweep_twice_finds_nothing_twice_and_asks_cost_management_nothing(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), **ASKING) as janitor:
        first = duty(janitor, "sweep")
        janitor.live(hours=0.5)
        second = duty(janitor, "sweep")

        found = {name: count for name, count in first.counts.items() if name.startswith("findings.")}
        assert found == {name: count for name, count in second.counts.items() if name.startswith("findings.")} != {}
        assert not [one for one in janitor.served.requests if "costmanagement" in one["path"].lower()]


def test_a_sweep_that_may_not_read_a_subscription_is_partial_and_names_it(tmp_path: Path):
    with applying(tmp_path, empty_endpoint(), **ASKING) as janitor:
        janitor.served.faults.add([{"fault": "403", "path": f"/subscriptions/{PROD}/"}])
        done = duty(janitor, "sweep")

        assert (done.outcome, counted(done, "unread.sweep") > 0) == ("partial", True)
        assert any(PROD in sentence for sentence in done.said)


def test_compliance_is_kept_and_counted_and_only_read(tmp_path: Path):
    with site(tmp_path) as here:
        first, second = here.run("compliance", TUESDAY), here.run("compliance", TUESDAY)

        assert first == second
        with State.open(here.settings.state.url) as state:
            assert state.kept(COMPLIANCE)[COMPLIANCE]["at"] == TUESDAY.isoformat()
        assert counted(first, "policy_non_compliant") == 0
        assert counted(first, "policy_evaluated_at") is None, "nothing was ever evaluated"


def test_where_nothing_waits_nothing_is_delivered_and_azure_is_not_asked(tmp_path: Path):
    with site(tmp_path) as here:
        done = here.run("deliver", TUESDAY, azure=never_asked)

        assert (done.outcome, counted(done, "mails.sent"), counted(done, "outbox")) == ("done", 0, 0)


def test_housekeeping_twice_is_as_once(tmp_path: Path):
    with site(tmp_path) as here:
        first, second = (here.run("housekeeping", TUESDAY, azure=never_asked) for _ in range(2))

        assert (first.outcome, second.outcome) == ("done", "done")
        assert counted(first, "removed.runs") == counted(second, "removed.tombstones") == 0
