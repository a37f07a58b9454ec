"""The duties about money: ingest, budgets, anomalies, watch. Cost Management is asked once a day, people once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from anomaly_desk import at, write
from dutiful import OTHER, REFUSED, TUESDAY, counted, run, site
from guarding import Guarding, dedicated, guarding

from finops.config.budgets import WatchSettings
from finops.config.model import StateSettings
from finops.jobs.duties import Done

NOW = TUESDAY + timedelta(hours=1)
TINY = {"budgets": {"all": 1}}


def test_ingest_fills_the_store_and_says_how_far_it_is_complete(tmp_path: Path):
    with site(tmp_path) as here:
        first, second = here.run("ingest", NOW), here.run("ingest", NOW)

        assert (first.outcome, second.outcome) == ("done", "done")
        assert first.counts == second.counts
        assert counted(first, "data_complete_until") == datetime(2026, 11, 16, tzinfo=UTC).timestamp()
        assert counted(first, "subscriptions_missing") == 0


def test_a_subscription_that_cost_management_refuses_makes_it_partial_and_is_named(tmp_path: Path):
    with site(tmp_path, REFUSED) as here:
        done = here.run("ingest", NOW)

        assert (done.outcome, counted(done, "subscriptions_missing")) == ("partial", 1)
        assert any(OTHER in sentence for sentence in done.said)


def test_budgets_wait_for_the_days_ingest_then_ask_nothing_and_tell_once(tmp_path: Path):
    with site(tmp_path, **TINY) as here:
        waits = here.run("budgets", NOW, slot=NOW)
        here.run("ingest", NOW)
        asked = here.asked()
        first = here.run("budgets", NOW, slot=NOW)
        second = here.run("budgets", NOW + timedelta(minutes=1), slot=NOW)
        here.run("deliver", NOW)

        assert (waits.outcome, "waits for the duty ingest" in waits.said[0]) == ("held", True)
        assert (counted(first, "budgets_over"), counted(first, "alerts.budgets") > 0) == (1, True)
        assert counted(second, "alerts.budgets") == 0
        assert (here.asked(), len(here.mails())) == (asked, 1)


def test_without_an_ingest_budgets_ask_for_themselves_in_the_end(tmp_path: Path):
    with site(tmp_path, **TINY) as here:
        done = here.run("budgets", NOW + timedelta(hours=6), slot=NOW)

        assert counted(done, "alerts.budgets") > 0
        assert here.asked() > 0


def test_without_budgets_there_is_nothing_to_wait_for(tmp_path: Path):
    with site(tmp_path) as here:
        assert here.run("budgets", NOW, slot=NOW).outcome == "done"


def test_an_anomaly_is_kept_and_told_once(tmp_path: Path):
    charges = write(tmp_path / "made", 60, {60: 400.0})
    with site(tmp_path, charges={"sources": [str(charges)]}) as here:
        first, second = here.run("anomalies", at(60)), here.run("anomalies", at(60))
        here.run("deliver", at(60))

        assert (counted(first, "anomalies.open"), counted(second, "anomalies.open")) == (1, 1)
        assert (counted(first, "alerts.anomalies"), counted(second, "alerts.anomalies")) == (1, 0)
        assert len(here.mails()) == 1


def test_the_watch_tells_what_runs_without_asking_what_was_charged(tmp_path: Path):
    with guarding(tmp_path, dedicated(low=4), costs=True) as guard:
        guard.live(minutes=30)
        first, second = (watched(guard) for _ in range(2))

        assert counted(first, "money_an_hour") > 0
        assert counted(first, "money_at_risk") > 0
        assert (counted(first, "alerts.watch"), counted(second, "alerts.watch")) == (1, 0)
        assert not [one for one in guard.served.requests if "costmanagement" in one["path"].lower()]


def watched(guard: Guarding) -> Done:
    own = {"watch": WatchSettings(per_day=Decimal(1)), "state": StateSettings(url=str(guard.folder / "state.db"))}
    mail = guard.settings.mail.model_copy(update={"finance": ["finance@contoso.com"]})
    return run("watch", guard.settings.model_copy(update={**own, "mail": mail}), guard.now)
