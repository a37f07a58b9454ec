"""Guards of finops/jobs/sweeping: what was approved is looked at again, and done once."""

from __future__ import annotations

from . import Guard

APPLY, CHECK = "finops/jobs/sweeping/applying.py", "finops/jobs/sweeping/checking.py"
BOUNDS, ALLOW, SETTLE = (
    "finops/jobs/sweeping/bounds.py",
    "finops/jobs/sweeping/allowing.py",
    "finops/jobs/sweeping/settling.py",
)
TOMBS, RECORD = "finops/jobs/sweeping/tombs.py", "finops/approvals/recording.py"
UNDO = "finops/jobs/sweeping/undoing.py"

APPLYING = (
    Guard(
        "dry-run",
        "I3",
        "the dry run: everything is executed",
        ((APPLY, "if not execute:\n        return _Run(", "if False:\n        return _Run("),),
        ("test_applying_checked.py::test_a_dry_run_changes_nothing_and_says_what_would_be_done",),
    ),
    Guard(
        "look-again",
        "I1",
        "the whole look right before the request",
        (
            (
                APPLY,
                "        if why := waits_for(self.state, record):  # since this run\n",
                "        if True:\n            return None\n        if why := waits_for(self.state, record):  # since this run\n",  # noqa: E501
            ),
        ),
        ("test_applying_checked.py::test_what_changes_between_the_look_and_the_request_is_not_touched",),
    ),
    Guard(
        "same-evidence",
        "I1",
        "comparing the evidence with what was approved",
        ((CHECK, "if now.digest == asked.digest:", "if True:"),),
        ("test_applying_checked.py::test_what_changed_is_offered_anew_and_needs_a_new_approval",),
    ),
    Guard(
        "namesake-at-the-look",
        "I1",
        "telling a namesake from what was approved",
        ((CHECK, "if not is_image(asked.resource_id) and not same_generation(made, asked.generation):", "if False:"),),
        ("test_applying_namesakes.py::test_one_of_which_nobody_says_when_it_was_made_keeps_its_approval",),
    ),
    Guard(
        "unread-is-not-gone",
        "I4",
        "asking what could not be read before something is called gone",
        (
            (CHECK, "if hidden is not None:", "if False:"),
            (APPLY, 'if seen.verdict == "gone" and not self._is_gone(record):', "if False:"),
        ),
        ("test_applying_checked.py::test_what_cannot_be_read_again_is_left_alone_and_stays_approved",),
    ),
    Guard(
        "gone-is-asked-again",
        "I4",
        "asking Azure directly whether it is gone",
        ((APPLY, 'if seen.verdict == "gone" and not self._is_gone(record):', "if False:"),),
        ("test_applying_checked.py::test_one_answer_that_it_is_gone_is_asked_for_again",),
    ),
    Guard(
        "tombstone-holds-what-is-there",
        "I6",
        "comparing the tombstone with what is there now",
        ((TOMBS, "return not tombstones.same(tomb.content, now)", "return False"),),
        ("test_applying_limits.py::test_what_is_not_in_the_tombstone_stops_the_deletion",),
    ),
    Guard(
        "tombstone-or-nothing",
        "I6",
        "a tombstone before anything is deleted",
        (
            (
                APPLY,
                '            self._say(record, "held", action, f"There is no tombstone, so nothing is done: {fault}")\n            return None',  # noqa: E501
                '            from pathlib import Path\n\n            empty = tombstones.Content()\n            tomb = tombstones.Tombstone(Path("none"), "", "", empty)',  # noqa: E501
            ),
        ),
        ("test_applying_checked.py::test_without_a_tombstone_nothing_is_deleted",),
    ),
    Guard(
        "tombstone-on-the-disk",
        "I6",
        "a tombstone on the disk, where that can be read only",
        (
            (
                APPLY,
                '            self._say(record, "held", action, f"There is no tombstone, so nothing is done: {fault}")\n            return None',  # noqa: E501
                '            from pathlib import Path\n\n            content = tombs._gathered(self.azure, self.settings, record, action)\n            tomb = tombstones.Tombstone(Path("none"), "none", record.number, "", "", self.time(), content)',  # noqa: E501
            ),
        ),
        (
            "faults/test_read_only.py::test_meanwhile_nothing_is_sent_kept_or_changed",
            "faults/test_read_only.py::test_what_was_due_meanwhile_is_done_afterwards_and_once",
        ),
    ),
    Guard(
        "tombstone-lasts",
        "I6",
        "keeping a tombstone while it is needed",
        (
            (TOMBS, "if record.status not in NEEDED and until < now and not", "if until < now and not"),
            (TOMBS, 'not state.kept(f"{QUIETED}{number}"):', "True:"),
        ),
        (
            "test_applying_limits.py::test_the_tombstone_of_a_quiet_step_stays_while_it_lasts",
            "test_applying_limits.py::test_the_tombstone_of_what_azure_is_still_at_stays_however_long_that_takes",
        ),
    ),
    Guard(
        "approval-used-up",
        "I2",
        "using an approval up",
        (("finops/approvals/moving.py", 'change.end_votes(record, "used" if status == "acted" else why)', "pass"),),
        ("test_approvals_desk.py::test_an_approval_is_used_up_by_acting",),
    ),
    Guard(
        "entered-before-the-request",
        "I2",
        "moving the finding on before the request leaves",
        (
            (
                APPLY,
                'approvals.moved(self.state, record.number, "acted", why, now, WHO, tombstone=tomb.reference)',
                "pass",
            ),
        ),
        (
            "test_applying_checked.py::test_an_approval_is_used_once",
            "test_applying_limits.py::test_who_denies_it_at_the_very_last_reading_is_heard",
        ),
    ),
    Guard(
        "limits-of-all-kinds",
        "I3",
        "counting images and all else together",
        ((BOUNDS, "        if every:\n            return every\n", ""),),
        ("test_applying_limits.py::test_limits_count_images_and_other_resources_together",),
    ),
    Guard(
        "limits-before-tombstones",
        "I3",
        "asking the limits before anything is prepared",
        (
            (
                APPLY,
                "        held = self._bounds().refused(ready, self.time())\n        if held:",
                "        held: dict[int, str] = {}\n        if held:",
            ),
        ),
        ("test_applying_said.py::test_over_a_limit_it_names_the_setting_and_a_way_on_and_writes_no_tombstone",),
    ),
    Guard(
        "regret",
        "I3",
        "holding back a rule that would have deleted what was used",
        ((ALLOW, "return {name: why for name, why in told.items() if why}", "return {}"),),
        ("test_applying_limits.py::test_a_rule_that_would_have_deleted_what_was_used_may_not_act",),
    ),
    Guard(
        "reconcile-first",
        "I5",
        "finding out first what an earlier run left open",
        ((APPLY, "resolved = tuple(reconcile(azure, state, now, WHO))", "resolved = ()"),),
        ("test_applying_lost.py::test_what_azure_is_still_at_is_found_out_by_a_later_run",),
    ),
    Guard(
        "settle-by-the-intent",
        "I5",
        "believing only what the intent says",
        ((SETTLE, 'if intent.outcome != "done":', "if False:"),),
        ("test_applying_lost.py::test_a_deletion_that_never_arrived_has_failed_and_is_asked_about_anew",),
    ),
    Guard(
        "own-turn",
        "I14",
        "holding the turn from the look to the change",
        (
            (
                APPLY,
                '    with state.turn():\n        step("Looking at what',
                '    if True:\n        step("Looking at what',
            ),
        ),
        ("test_applying_limits.py::test_no_other_run_comes_between_the_look_and_the_change",),
    ),
    Guard(
        "implausible",
        "I4",
        "doubting a sweep that suddenly sees less than half",
        ((RECORD, "PLAUSIBLE = 0.5", "PLAUSIBLE = 0.0"),),
        ("test_approvals_recording.py::test_nothing_is_gone_where_most_of_what_was_there_is_missing",),
    ),
    Guard(
        "gaps-cover",
        "I4",
        "looking whether what is missing lies where something could not be read",
        ((RECORD, "any(_covers(gap, name[1]) for gap in sweep.gaps)", "False"),),
        ("test_approvals_recording.py::test_nothing_is_gone_where_something_could_not_be_read",),
    ),
    Guard(
        "unknown-is-not-kept",
        "I4",
        "telling what is unknown from what is no waste any more",
        ((RECORD, "if kept is not None and not kept.unknown:", "if kept is not None:"),),
        ("test_approvals_recording.py::test_what_is_not_known_changes_nothing_and_breaks_the_row_of_sweeps",),
    ),
    Guard(
        "unknown-is-no-waste",
        "I4",
        "keeping what the rule cannot decide about",
        (
            (
                "finops/janitor/find.py",
                "    if held is None:\n        return Kept(rule.name, resource.id, unknown_in(told), unknown=True)\n",
                "",
            ),
        ),
        ("test_janitor_find.py::test_what_is_not_known_is_kept_with_the_fact_and_the_reason",),
    ),
    Guard(
        "undo-of-ones-own",
        "I6",
        "writing over nothing that somebody else made meanwhile",
        ((UNDO, "        if any(same_generation(generation_of(body), one) for one in ours):", "        if True:"),),
        ("test_undo_once.py::test_what_others_made_after_an_undo_that_stopped_half_way_is_refused",),
    ),
    Guard(
        "undo-once",
        "I6",
        "refusing a second undo",
        (
            (UNDO, 'if self.record.status == "restored":', "if False:"),
            (UNDO, "if self.record.status not in UNDOABLE or not self.record.tombstone:", "if False:"),
        ),
        ("test_undo_once.py::test_a_second_undo_is_refused",),
    ),
)
