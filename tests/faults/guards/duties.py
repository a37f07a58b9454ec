"""Guards of the daemon's duties: what they leave alone, hold, and finish when they are stopped."""

from __future__ import annotations

from . import Guard

CHANGING = "finops/jobs/duties/changing.py"
REPORTING = "finops/jobs/duties/reporting.py"

DUTIES: tuple[Guard, ...] = (
    Guard(
        "duty-guard-mode",
        "I1",
        "acting as the executor only where a scope is in mode enforce",
        ((CHANGING, "enforce = enforces(settings.guard) or owes(state)", "enforce = True"),),
        ("test_duties_guard.py::test_in_mode_warn_nothing_is_changed_and_the_reader_is_enough",),
    ),
    Guard(
        "duty-stops",
        "I14",
        "asking before each request whether the process is being stopped, or does not lead any more",
        (
            (
                "finops/acts/perform.py",
                'if self.stopping():\n            return Outcome(act, "refused", STOPPING)',
                "if False:\n            return Outcome(act, 'refused', STOPPING)",
            ),
        ),
        (
            "test_acts_guards.py::test_once_the_process_is_being_stopped_nothing_more_is_begun",
            "test_duties_guard.py::test_stopped_between_two_acts_it_leaves_the_rest_for_the_next_run",
            "test_duties_apply.py::test_stopped_between_two_acts_it_leaves_the_other_approved_for_the_next_run",
        ),
    ),
    Guard(
        "duty-makes-what-it-deleted",
        "I6",
        "making a cluster anew that was deleted for it, though the process is being stopped",
        (("finops/jobs/guarding/making.py", "run.stopping() and kept not in run.let_go", "run.stopping()"),),
        ("test_duties_guard.py::test_a_cluster_that_was_deleted_is_made_anew_though_the_process_is_being_stopped",),
    ),
    Guard(
        "duty-report-held",
        "I9",
        "holding a report until the charges of its week are complete",
        ((REPORTING, "if lacks and work.now < _until(work, waits):", "if False:"),),
        (
            "test_duties_report.py::test_the_report_is_held_until_its_week_is_complete_and_then_sent_once",
            "test_duties_report.py::test_after_a_day_a_report_that_still_lacks_charges_is_sent_and_says_so",
        ),
    ),
    Guard(
        "duty-report-sent-in-the-end",
        "I7",
        "sending a report that lacks charges once a day has passed",
        ((REPORTING, "if lacks and work.now < _until(work, waits):", "if lacks:"),),
        ("test_duties_report.py::test_after_a_day_a_report_that_still_lacks_charges_is_sent_and_says_so",),
    ),
    Guard(
        "duty-close-closed",
        "I9",
        "waiting until a month can change no more",
        ((REPORTING, 'if state_of(month, work.now) != "closed":', "if False:"),),
        ("test_duties_report.py::test_the_statement_of_a_month_waits_for_its_close_and_for_charges_asked_after_it",),
    ),
    Guard(
        "duty-close-asked-since",
        "I9",
        "waiting for charges that were asked for after a month was closed",
        ((REPORTING, 'if asked is None or state_of(month, asked) != "closed":', "if False:"),),
        ("test_duties_report.py::test_the_statement_of_a_month_waits_for_its_close_and_for_charges_asked_after_it",),
    ),
    Guard(
        "duty-close-whole",
        "I10",
        "holding a statement whose charges lack a subscription",
        ((REPORTING, 'if lacks:\n            return Done("held", tuple(lacks), figures)', "pass"),),
        ("test_duties_report.py::test_a_statement_is_not_made_of_charges_that_lack_a_subscription",),
    ),
    Guard(
        "duty-asks-nothing",
        "I15",
        "reading the store in place of asking Cost Management every 15 minutes",
        ((CHANGING, "at_hand(work.settings), work.state", "work.settings, work.state"),),
        ("test_duties_guard.py::test_it_asks_cost_management_nothing",),
    ),
    Guard(
        "duty-tier-goes-on",
        "I5",
        "leaving an approval open of which a run that was stopped sent only a part",
        (("finops/jobs/tiering/applying.py", "unknown = number in self.left or any(", "unknown = any("),),
        ("test_duties_tier.py::test_apply_does_what_was_approved_of_tiers_and_goes_on_where_it_was_stopped",),
    ),
)
