"""The duties `report` and `close`: held while charges are missing, sent once, and then saying what they lack."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from dutiful import MONDAY, OTHER, REFUSED, SUNDAY, TUESDAY, counted, site

from finops.state import State


def test_the_report_is_held_until_its_week_is_complete_and_then_sent_once(tmp_path: Path):
    with site(tmp_path) as here:
        early = here.run("report", SUNDAY, slot=SUNDAY)
        none = here.mails()
        asked = here.asked()
        again = here.run("report", SUNDAY + timedelta(hours=1), slot=SUNDAY)
        asked_again = here.asked() - asked
        sent = here.run("report", MONDAY, slot=SUNDAY)
        twice = here.run("report", MONDAY, slot=SUNDAY)

        assert (early.outcome, again.outcome, none) == ("held", "held", [])
        assert "2026-11-16 06:45" in early.said[0]
        assert "not all in yet" in early.said[1]
        assert asked_again == 0
        assert (sent.outcome, counted(sent, "reports"), counted(twice, "reports")) == ("done", 1, 0)
        [mail] = here.mails()
        assert "14 Nov" in mail["Subject"]
        assert counted(sent, "data_complete_until") == datetime(2026, 11, 15, tzinfo=UTC).timestamp()


def test_after_a_day_a_report_that_still_lacks_charges_is_sent_and_says_so(tmp_path: Path):
    with site(tmp_path, REFUSED) as here:
        held = here.run("report", MONDAY, slot=MONDAY)
        sent = here.run("report", MONDAY + timedelta(hours=24), slot=MONDAY)

        assert (held.outcome, sent.outcome, len(here.mails())) == ("held", "partial", 1)
        assert any("sent as incomplete" in sentence for sentence in sent.said)
        assert any(OTHER in sentence for sentence in sent.said)
        text = here.mails()[0].get_body(["plain"]).get_content()
        assert "incomplete" in text.lower()


def test_by_hand_it_is_held_for_a_day_from_the_first_time(tmp_path: Path):
    with site(tmp_path, REFUSED) as here:
        first = here.run("report", MONDAY)
        still = here.run("report", MONDAY + timedelta(hours=23))
        last = here.run("report", MONDAY + timedelta(hours=24))

        assert (first.outcome, still.outcome, last.outcome) == ("held", "held", "partial")
        with State.open(here.settings.state.url) as state:
            assert state.kept("report/held/") == {}


def test_the_statement_of_a_month_waits_for_its_close_and_for_charges_asked_after_it(tmp_path: Path):
    slot = datetime(2026, 11, 5, 10, tzinfo=UTC)
    with site(tmp_path) as here:
        open_still = here.run("close", slot, slot=slot)
        not_asked = here.run("close", TUESDAY, slot=slot)
        here.run("ingest", TUESDAY)
        asked = here.asked()
        closed, again = here.run("close", TUESDAY, slot=slot), here.run("close", TUESDAY, slot=slot)

        assert (open_still.outcome, not_asked.outcome) == ("held", "held")
        assert "may change until the end of 5 November 2026" in open_still.said[0]
        assert "duty ingest" in not_asked.said[0]
        assert (closed.outcome, counted(closed, "reports"), counted(again, "reports")) == ("done", 1, 0)
        assert (len(here.mails()), here.asked()) == (1, asked)
        assert counted(closed, "forecast_error_percent") >= 0


def test_a_statement_is_not_made_of_charges_that_lack_a_subscription(tmp_path: Path):
    with site(tmp_path, REFUSED) as here:
        here.run("ingest", MONDAY)
        done = here.run("close", MONDAY, slot=MONDAY)

        assert (done.outcome, here.mails()) == ("held", [])
        assert any(OTHER in sentence for sentence in done.said)


def test_a_stop_before_the_report_is_made_leaves_it_to_the_next_run(tmp_path: Path):

    with site(tmp_path) as here:
        said: list[str] = []
        stopped = here.run("report", TUESDAY, slot=MONDAY, said=said, stopping=lambda: len(said) >= 2)
        sent = here.run("report", TUESDAY, slot=MONDAY)

        assert (stopped.outcome, sent.outcome, len(here.mails())) == ("held", "done", 1)
