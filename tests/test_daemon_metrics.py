"""The figures at /metrics, and the dashboard, the alerts and the document that name them."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import yaml
from databases import database, intent, postgresql, server
from lives import MONDAY, opened, pending
from outside_daemon import HOUR, NOW, ran, seen

from finops.daemon.arrivals import Arrivals
from finops.daemon.figures import Figures, read
from finops.daemon.metrics import METRICS, MOST, Look, registry
from finops.daemon.pulse import Pulse
from finops.jobs.duties import counts
from finops.mail import Post
from finops.state import State

__all__ = ["database", "postgresql", "server"]

ROOT = Path(__file__).parent.parent
# Of this process, by prometheus-client itself.
PROCESS = {
    "process_virtual_memory_bytes", "process_resident_memory_bytes", "process_start_time_seconds",
    "process_cpu_seconds_total", "process_open_fds", "process_max_fds",
}  # fmt: skip
EXPOSED = {metric.name for metric in METRICS} | PROCESS
WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "bool", "offset"}


def names_in(expression: str) -> set[str]:
    """The metrics that a PromQL expression asks for: words that are neither a label, a function nor part of a text."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', "", expression)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", " ", bare)
    return set(re.findall(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()", bare)) - WORDS


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "cron/alert-rules.yaml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return list(json.loads((ROOT / "cron/grafana-dashboard.json").read_text("utf-8"))["panels"])


def slug(heading: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_names_are_read_from_promql():
    asked = 'sum by (job, x) (rate(a_total{le="b"}[5m])) / on (c) max(d:e) > 0.2 or absent(f) offset 5m'

    assert names_in(asked) == {"a_total", "d:e", "f"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_figures_that_there_are_and_says_what_to_do(rule: dict[str, Any]):
    assert names_in(rule["expr"]) <= EXPOSED
    assert names_in(rule["expr"])
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alerts_runbook_is_there(rule: dict[str, Any]):
    file, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / file).read_text("utf-8"), re.M)

    assert anchor in {slug(heading) for heading in headings}


def test_alerts_have_names_of_their_own():
    assert [name for name, count in Counter(rule["alert"] for rule in rules()).items() if count > 1] == []


@pytest.mark.parametrize("panel", [panel for panel in panels() if panel["type"] != "row"], ids=lambda one: one["title"])
def test_a_panel_draws_figures_that_there_are(panel: dict[str, Any]):
    asked = [names_in(target["expr"]) for target in panel["targets"]]

    assert all(names and names <= EXPOSED for names in asked)
    assert panel["description"]


def test_panels_lie_beside_each_other():
    taken: Counter[tuple[int, int]] = Counter()
    for panel in panels():
        at = panel["gridPos"]
        taken.update((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"]))

    assert {place: count for place, count in taken.items() if count > 1 or place[0] >= 24} == {}
    assert max(Counter(panel["id"] for panel in panels()).values()) == 1


def test_every_figure_is_documented_and_no_other():
    text = (ROOT / "docs/metrics.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]*)\|", text, re.M))

    assert set(rows) | PROCESS == EXPOSED
    assert {name for name in PROCESS if f"`{name}`" not in text} == set()
    assert {name: labels.strip() for name, labels in rows.items()} == {
        metric.name: ", ".join(metric.labels) for metric in METRICS
    }


def everything() -> Figures:
    """Figures in which nothing is missing."""
    told = {(name, "x" if count.label else ""): 1.0 for name, count in counts.COUNTS.items()}
    return Figures(told=told, findings={"pending": 1}, acts={"done": 1, "": 1}, letters={"sent": 1}, event_seen_at=NOW)


def test_every_figure_has_a_unit_in_its_name_where_it_needs_one():
    ages = [metric.name for metric in METRICS if metric.says.startswith(("How long", "For how long", "Seconds"))]

    assert [name for name in ages if not name.endswith("_seconds")] == []
    assert [metric.name for metric in METRICS if metric.counter != metric.name.endswith("_total")] == []


def exposed(found: Figures, pulse: Pulse | None = None) -> dict[str, dict[tuple[str, ...], float]]:
    """What is collected, by name and labels."""
    from finops.daemon.calls import Calls

    look = Look(NOW, 1000.0, found, {"guard": True}, {"guard": False}, arrivals=Arrivals().counts())
    told = registry(look, (pulse or Pulse(), Calls())).collect()
    return {family.name: {tuple(sample.labels.values()): sample.value for sample in family.samples} for family in told}


def test_what_duties_counted_is_told_in_base_units():
    told = {(counts.FORECAST_ERROR, ""): 12.5, (counts.COMPLETE_UNTIL, ""): 1.7e9, (counts.WASTE, "EUR"): 99.5}
    found = exposed(Figures(told=told))

    assert found["finops_forecast_error_ratio"] == {(): 0.125}
    assert found["finops_data_complete_until_timestamp_seconds"] == {(): 1.7e9}
    assert found["finops_waste_money_a_month"] == {("EUR",): 99.5}


def test_names_of_people_and_things_do_not_become_labels():
    told = {
        (counts.UNREAD, "ada@contoso.example"): 1.0,
        (counts.UNREAD, "/subscriptions/1"): 2.0,
        ("made-up", "x"): 1.0,
    }
    found = exposed(Figures(told=told))

    assert found["finops_unread"] == {("other",): 3.0}
    assert [name for name in found if "made" in name] == []


def test_what_has_not_happened_yet_is_told_as_0():
    """Or the first failure of all would be no increase."""
    found = exposed(Figures())

    assert found["finops_acts"] == {("changed-since",): 0, ("done",): 0, ("failed",): 0, ("not-done",): 0}
    assert found["finops_mail_recipients"] == {("failed",): 0, ("sent",): 0, ("unsure",): 0, ("waiting",): 0}
    assert found["finops_pings"] == {("failed",): 0, ("sent",): 0}
    assert found["finops_events_woken"] == {("guard",): 0}


def test_a_figure_has_a_bounded_number_of_series():
    told = {(counts.WASTE, f"C{n}"): 1.0 for n in range(1000)}
    found = exposed(Figures(told=told))["finops_waste_money_a_month"]

    assert len(found) <= MOST + 1
    assert sum(found.values()) == 1000


def test_a_duty_of_another_version_does_no_harm():
    told = {(counts.WAITING, "unexpected"): 1.0, (counts.WASTE, ""): 5.0, (counts.OVER, ""): float("nan")}

    assert "finops_waste_money_a_month" not in exposed(Figures(told=told))


def test_figures_of_one_run_are_added_up_and_others_are_of_the_last_success(tmp_path: Path):
    with State.open(tmp_path / "state.db") as state:
        for hours, unread in ((30, 7), (3, 2), (2, 5)):
            told = {f"{counts.ALERTS}.budgets": 2, counts.OVER: unread}
            ran(state, "guard", NOW - hours * HOUR, **told)
        ran(state, "guard", NOW - HOUR, "failed", **{counts.OVER: 99, f"{counts.ALERTS}.budgets": 1})
        told = dict(read(state, ["guard"], NOW).told)

    assert told == {(counts.OVER, ""): 5, (counts.ALERTS, "budgets"): 5}


def test_what_the_state_holds_is_counted_on_both_databases(database: str):
    with State.open(database) as state:
        with state.turn():
            first = intent(state, NOW, "/a")
            state.close_intent(first, "done", "", NOW, "me", {})
            intent(state, NOW, "/b")
        mail = EmailMessage()
        mail["Message-ID"], mail["To"], mail["Subject"] = "<1@x>", "a@contoso.example", "s"
        mail.set_content("t")
        from outside_daemon import settings

        Post(state, settings(Path()).mail).put(mail, NOW - HOUR)
        state.daybook.skip("guard", [NOW - HOUR, NOW - 2 * HOUR], "nobody was there", NOW)
        state.daybook.saw_event("e1", "created", "/x", NOW, NOW)
        found = read(state, ["guard"], NOW)

    assert dict(found.acts) == {"done": 1, "": 1}
    assert (dict(found.letters), found.owed_since) == ({"waiting": 1}, NOW - HOUR)
    assert dict(found.recent) == {("guard", "missed"): 2}
    assert (found.waiting, found.waiting_since, found.events) == (0, None, 1)


def test_what_waits_for_somebody_to_decide_is_counted_with_its_age(tmp_path: Path):
    with opened(tmp_path) as state:
        pending(state)
        found = read(state, [], MONDAY)

    assert found.waiting == 1
    assert found.waiting_since == MONDAY


def test_the_newest_run_is_found_however_old_it_is_on_both_databases(database: str):
    with State.open(database) as state:
        for job, hours in (("guard", 2), ("guard", 1), ("report", 200), ("sweep", 30), ("sweep", 3)):
            ran(state, job, NOW - hours * HOUR, "failed" if (job, hours) == ("sweep", 3) else "done")
        jobs = ["guard", "report", "sweep", "tier"]
        found = state.daybook.newest(jobs, ("done", "partial"), NOW)
        last = {job: state.daybook.last(job) for job in jobs}

    assert found == {job: run for job, run in last.items() if run}
    assert set(found) == {"guard", "report", "sweep"}


def test_a_duty_that_never_succeeded_in_time_is_late_in_the_figures(tmp_path: Path):
    with seen(tmp_path) as daemon:
        daemon.state.keep("daemon/watched/guard", (NOW - 3 * HOUR).isoformat(), NOW)
        daemon.pulse.begins("guard", NOW - timedelta(minutes=5))
        daemon.pulse.overruns("guard")
        daemon.pulse.due = {"guard": NOW + HOUR}
        found = daemon.metrics()

    assert found['finops_duty_late{duty="guard"}'] == 1
    assert found['finops_duty_late{duty="report"}'] == 0
    assert found['finops_duty_running_seconds{duty="guard"}'] == 300
    assert found['finops_duty_overrun{duty="guard"}'] == 1
    assert found['finops_duty_next_timestamp_seconds{duty="guard"}'] == (NOW + HOUR).timestamp()


def test_every_figure_is_exposed_where_all_is_known():
    pulse = Pulse()
    pulse.beat()
    pulse.begins("guard", NOW)
    pulse.due = {"guard": NOW}
    names = {name if name in EXPOSED else f"{name}_total" for name in exposed(everything(), pulse)}
    # These need runs, calls and pings.
    live = {
        "finops_duty_last_success_timestamp_seconds", "finops_duty_last_end_timestamp_seconds",
        "finops_duty_last_run_seconds", "finops_duty_runs", "finops_azure_calls_total",
        "finops_azure_throttled_total",
    }  # fmt: skip

    assert EXPOSED - names <= live
    assert names <= EXPOSED
