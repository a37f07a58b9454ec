"""Guards of finops/acts: the one place that changes Azure."""

from __future__ import annotations

from . import Guard

PERFORM, HAND, CAPS = "finops/acts/perform.py", "finops/acts/hand.py", "finops/acts/caps.py"
PROTECTION, RECONCILE, VERDICT = "finops/acts/protection.py", "finops/acts/reconcile.py", "finops/acts/verdict.py"

ACTING = (
    Guard(
        "decision",
        "I1",
        "asking whether a decision allows it",
        ((PERFORM, "if not all((act.decision or self.decision).strip() for act in acts):", "if False:"),),
        (
            "test_acts_guards.py::test_without_a_decision_nothing_is_done",
            "test_acts_janitor.py::test_one_act_without_a_decision_stops_them_all",
        ),
    ),
    Guard(
        "generation",
        "I1",
        "comparing when it was made, so that a namesake is taken for it",
        ((PERFORM, "if not same_generation(found, act.generation):", "if False:"),),
        ("test_acts_guards.py::test_a_namesake_made_since_is_left_alone",),
    ),
    Guard(
        "no-generation",
        "I1",
        "leaving alone what Azure tells no making of",
        ((PERFORM, "return None if act.action == TAG else said", "return None"),),
        ("test_acts_guards.py::test_what_has_no_generation_is_tagged_at_most",),
    ),
    Guard(
        "made-already",
        "I1",
        "noticing that somebody has made it meanwhile",
        ((PERFORM, 'return None if body is None else "It is there already."', "return None"),),
        ("test_acts_guards.py::test_what_was_made_by_somebody_since_is_not_made_again",),
    ),
    Guard(
        "still-holds",
        "I1",
        "asking the rule again with what was read just now",
        ((PERFORM, "if why := act.still_holds(body or {}):", "if why := None:"),),
        (
            "test_acts_guards.py::test_what_does_not_hold_any_more_is_not_done",
            "test_applying_checked.py::test_what_changes_between_the_look_and_the_request_is_not_touched",
        ),
    ),
    Guard(
        "reading-age",
        "I1",
        "counting the seconds since it was read",
        ((HAND, "if age > OLDEST_READING_SECONDS:", "if age > 1000 * OLDEST_READING_SECONDS:"),),
        ("test_acts_guards.py::test_a_reading_that_is_too_old_does_not_count",),
    ),
    Guard(
        "look-after-throttling",
        "I1",
        "looking again after Azure let it wait",
        (
            (
                PERFORM,
                "looked = self._looked(act)\n            except FinopsError as unread:",
                "looked = self.azure.time.monotonic()\n            except FinopsError as unread:",
            ),
        ),
        ("test_acts_turned_away.py::test_what_does_not_hold_any_more_is_not_sent_again",),
    ),
    Guard(
        "one-act-one-change",
        "I1",
        "holding a second change back",
        ((HAND, "if self.sent:", "if False:"),),
        ("test_acts_outcomes.py::test_an_act_sends_one_change",),
    ),
    Guard(
        "own-resource",
        "I1",
        "the boundary between a resource and its namesake's beginning",
        ((HAND, 'not target.startswith(f"{self._resource}/")', "not target.startswith(self._resource)"),),
        ("test_acts_outcomes.py::test_an_act_changes_its_own_resource_only",),
    ),
    Guard(
        "cap-count",
        "I3",
        "the limit of changes at once",
        ((CAPS, "if wanted > caps.max_count:", "if wanted > caps.max_count + 1:"),),
        ("test_acts_caps.py::test_over_a_cap_nothing_at_all_is_done",),
    ),
    Guard(
        "cap-percent",
        "I3",
        "taking a share that is no number for no share at all",
        (
            (
                CAPS,
                "if not resources * 100 <= caps.max_percent * caps.population:",
                "if resources * 100 > caps.max_percent * caps.population:",
            ),
        ),
        ("test_acts_caps.py::test_a_cap_that_is_no_limit_lets_nothing_through",),
    ),
    Guard(
        "cap-hour",
        "I3",
        "counting what earlier runs did within the hour",
        ((CAPS, "wanted + last_hour > caps.per_hour", "wanted > caps.per_hour"),),
        ("test_acts_caps.py::test_a_run_that_starts_anew_has_no_new_cap_for_the_hour",),
    ),
    Guard(
        "cap-money",
        "I3",
        "counting money that is not known against its limit",
        ((CAPS, "saving = act.expected_saving\n", "saving = act.expected_saving or Decimal(0)\n"),),
        ("test_acts_caps.py::test_money_that_is_not_known_or_negative_counts_against_its_cap",),
    ),
    Guard(
        "cap-money-sign",
        "I3",
        "counting a negative amount by its size",
        ((CAPS, "total += abs(saving)", "total += saving"),),
        ("test_acts_caps.py::test_money_that_is_not_known_or_negative_counts_against_its_cap",),
    ),
    Guard(
        "cap-owner",
        "I3",
        "knowing an owner in any spelling",
        ((CAPS, "act.owner.strip().lower()", "act.owner"),),
        ("test_acts_caps.py::test_an_owner_is_the_same_in_any_spelling",),
    ),
    Guard(
        "cap-of-an-hours-nothing",
        "I3",
        "leaving out what is known to have changed nothing",
        (("finops/state/intents.py", 'intents.c.outcome.is_distinct_from("not-done"),', ""),),
        ("test_acts_caps.py::test_what_is_known_to_have_changed_nothing_does_not_count_for_the_hour",),
    ),
    Guard(
        "kill-switch-first",
        "I3",
        "looking at the kill switch before anything",
        (
            (
                PERFORM,
                "if why := thrown(self.switch):\n            return Outcome",
                "if why := None:\n            return Outcome",
            ),
            (HAND, "if why := thrown(self._switch):", "if why := None:"),
        ),
        (
            "test_acts_guards.py::test_the_kill_switch_stops_everything",
            "test_acts_guards.py::test_after_the_kill_switch_at_any_moment_nothing_more_leaves",
        ),
    ),
    Guard(
        "kill-switch-last",
        "I3",
        "looking at the kill switch once more right before the request",
        ((HAND, "if why := thrown(self._switch):", "if why := None:"),),
        ("test_acts_guards.py::test_the_kill_switch_is_looked_at_after_the_intent_too",),
    ),
    Guard(
        "kill-switch-unreadable",
        "I3",
        "taking a kill switch that cannot be looked at for thrown",
        ((HAND, 'return f"The kill switch {switch} cannot be looked at ({fault.strerror})."', "return None"),),
        ("test_acts_guards.py::test_a_kill_switch_that_cannot_be_looked_at_counts_as_thrown",),
    ),
    Guard(
        "kill-switch-link",
        "I3",
        "seeing a kill switch that is a link to nowhere",
        ((HAND, "os.lstat(switch)", "os.stat(switch)"),),
        ("test_acts_guards.py::test_a_dangling_link_is_a_kill_switch",),
    ),
    Guard(
        "stop-at-the-first-fault",
        "I3",
        "ending the run at the first unexpected fault",
        (
            (
                PERFORM,
                'self.stopped = f"{act.action} of {act.resource_id} ended as {outcome.result}: {outcome.why}"',
                "pass",
            ),
        ),
        (
            "test_acts_outcomes.py::test_the_first_unexpected_fault_stops_the_run",
            "test_applying_checked.py::test_the_first_unexpected_fault_ends_the_run",
        ),
    ),
    Guard(
        "locks-and-tags",
        "I25",
        "asking what protects it",
        (
            (
                PERFORM,
                "if why := protected(\n            self.azure, act.resource_id, self.now, "
                "goes=act.afterwards is None, gives_back=act.gives_back\n        ):",
                "if why := None:",
            ),
        ),
        (
            "test_acts_guards.py::test_what_is_locked_is_left_alone",
            "test_acts_guards.py::test_a_lock_that_cannot_be_read_is_not_ignored",
        ),
    ),
    Guard(
        "lock-below",
        "I25",
        "the lock on what would be deleted with it",
        ((PROTECTION, " or (goes and key(resource_id) in scopes(scope))", ""),),
        ("test_acts_guards.py::test_what_has_a_lock_below_it_is_not_deleted",),
    ),
    Guard(
        "lock-without-id",
        "I25",
        "stopping where a lock cannot be read",
        (
            (
                PROTECTION,
                "if not scope:\n            raise AzureError(",
                "if not scope:\n            continue\n        if False:\n            raise AzureError(",
            ),
        ),
        ("test_acts_guards.py::test_a_lock_that_cannot_be_read_is_not_ignored",),
    ),
    Guard(
        "keep-tag",
        "I25",
        "the keep tag on the resource itself",
        ((PERFORM, 'has_keep((body or {}).get("tags"), self.now)', "False"),),
        ("test_acts_guards.py::test_what_is_to_be_kept_is_left_alone",),
    ),
    Guard(
        "keep-tag-above",
        "I25",
        "the keep tag on the group or subscription above",
        ((PROTECTION, 'if has_keep(properties.get("tags"), now):', "if False:"),),
        (
            "test_acts_guards.py::test_what_is_to_be_kept_is_left_alone",
            "test_acts_protection.py::test_the_keep_tag_in_the_properties_of_the_container_protects_it",
        ),
    ),
    Guard(
        "keep-tag-unread",
        "I25",
        "stopping where tags cannot be read",
        (
            (
                PROTECTION,
                "if not isinstance(properties, dict):\n            raise AzureError(",
                "if not isinstance(properties, dict):\n            properties = {}\n        if False:\n            raise AzureError(",  # noqa: E501
            ),
        ),
        ("test_acts_guards.py::test_tags_that_cannot_be_read_are_not_taken_for_none",),
    ),
    Guard(
        "keep-tag-below",
        "I25",
        "the keep tag on a deployment of an endpoint",
        ((PROTECTION, "return _below(azure, resource_id, now) if goes else None", "return None"),),
        ("test_acts_protection.py::test_the_keep_tag_of_a_deployment_protects_the_endpoint_it_would_go_with",),
    ),
    Guard(
        "keep-tag-unclear",
        "I25",
        "keeping for good what has an end nobody can read",
        (
            (
                PROTECTION,
                'of_tag("", value, "", now, LONGEST_DAYS).holds(now)',
                '((made := of_tag("", value, "", now, LONGEST_DAYS)).until is not None and made.holds(now))',
            ),
        ),
        ("test_acts_guards.py::test_a_keep_holds_until_its_day_is_over_and_for_good_where_that_is_not_clear",),
    ),
    Guard(
        "giving-back-under-a-lock",
        "I25",
        "heeding a lock that lets nobody write while something is given back",
        ((PROTECTION, '.lower() == "cannotdelete":', ":"),),
        ("test_acts_janitor.py::test_a_lock_that_is_not_only_against_deletion_stops_giving_back_too",),
    ),
    Guard(
        "read-back",
        "I5",
        "reading afterwards whether it was done",
        (
            (
                PERFORM,
                "outcome, said = self._read_back(act, (0.0,) if _refused(fault) else CONFIRM_WAITS)",
                'outcome, said = "done", "Azure took it."',
            ),
        ),
        (
            "test_acts_outcomes.py::test_what_azure_accepted_but_reading_does_not_show_is_no_success",
            "test_acts_outcomes.py::test_what_azure_is_still_at_is_unknown",
        ),
    ),
    Guard(
        "wanted-shown",
        "I5",
        "comparing what is read with what was to be there",
        ((PERFORM, "wrong = act.confirmed(body) or differs(act.afterwards, body)", "wrong = act.confirmed(body)"),),
        ("test_acts_outcomes.py::test_a_confirmation_that_says_yes_to_everything_is_not_enough",),
    ),
    Guard(
        "unresolved-blocks",
        "I5",
        "keeping a workspace closed while something in it is not resolved",
        ((PERFORM, "if act.workspace in {intent.workspace for intent in self.state.pending_intents()}:", "if False:"),),
        ("test_acts_guards.py::test_an_unresolved_intent_keeps_its_workspace_closed",),
    ),
    Guard(
        "outcome-recorded",
        "I5",
        "stopping when an outcome cannot be recorded",
        (
            (
                PERFORM,
                'self.stopped = f"the outcome of {act.action} of {act.resource_id} could not be recorded: {broken}"',
                "pass",
            ),
        ),
        ("test_acts_outcomes.py::test_an_outcome_that_cannot_be_recorded_stops_the_run",),
    ),
    Guard(
        "intent-first",
        "I5",
        "writing down what is about to be done before it is sent",
        (
            (
                PERFORM,
                "        number = self.state.open_intent(",
                "        hand, fault, refusal = self._sent(act, read_at)\n        number = self.state.open_intent(",
            ),
            (
                PERFORM,
                "        hand, fault, refusal = self._sent(act, read_at)\n        outcome, recorded",
                "        outcome, recorded",
            ),
        ),
        (
            "test_acts_guards.py::test_the_intent_is_on_the_disk_before_the_request_leaves",
            "test_acts_outcomes.py::test_when_no_intent_can_be_written_nothing_is_sent",
            "test_acts_killed.py::test_killed_at_every_boundary_nothing_is_done_twice_or_unasked_or_left_open",
        ),
    ),
    Guard(
        "landing",
        "I5",
        "waiting for a request that may still arrive",
        ((RECONCILE, 'if outcome == "not-done" and abs(now - intent.opened_at) < LANDED:', "if False:"),),
        ("test_acts_reconcile.py::test_a_request_that_lands_after_we_are_back_is_waited_for",),
    ),
    Guard(
        "unread-is-open",
        "I5",
        "leaving open what cannot be read",
        (
            (
                RECONCILE,
                'return None, f"It could not be read: {fault.what}", None',
                'return "not-done", f"It could not be read: {fault.what}", None',
            ),
        ),
        ("test_acts_reconcile.py::test_what_cannot_be_read_stays_open",),
    ),
    Guard(
        "own-intents",
        "I5",
        "leaving the intents of a run that is alive to it",
        (
            (RECONCILE, "with state.turn():\n        return [", "if True:\n        return ["),
            (
                "finops/state/store.py",
                "if self._ours != threading.get_ident():\n            raise FinopsError(",
                "if False:\n            raise FinopsError(",
            ),
        ),
        ("test_acts_reconcile.py::test_the_intents_of_a_run_that_is_alive_are_its_own",),
    ),
    Guard(
        "settled",
        "I5",
        "waiting while Azure is still at it",
        (
            (
                VERDICT,
                "return _provisioning(body).lower() in SETTLED and _turning(body).lower() not in ON_THE_WAY",
                "return True",
            ),
        ),
        (
            "test_acts_reconcile.py::test_what_azure_is_still_at_stays_open",
            "test_acts_janitor.py::test_an_instance_on_its_way_is_not_settled",
        ),
    ),
    Guard(
        "namesake-afterwards",
        "I5",
        "telling a namesake from what was there, afterwards",
        (
            (
                VERDICT,
                "    return found == generation or same_generation(found, generation)",
                "    return bool(found) or True",
            ),
        ),
        (
            "test_acts_reconcile.py::test_what_was_deleted_and_made_anew_was_deleted",
            "test_acts_reconcile.py::test_what_somebody_else_replaced_was_not_changed_by_us",
        ),
    ),
    Guard(
        "tags-merged",
        "I24",
        "merging tags: they are replaced",
        (("finops/acts/tags.py", '"operation": "Merge"', '"operation": "Replace"'),),
        ("test_acts_tags.py::test_a_tag_that_somebody_wrote_between_our_read_and_our_write_survives",),
    ),
    Guard(
        "tags-as-seen",
        "I24",
        "comparing a tag with what was seen before it is written over",
        (("finops/acts/tags.py", "if found != self.seen.get(name.lower()):", "if False:"),),
        (
            "test_acts_tags.py::test_what_somebody_set_in_the_meantime_is_not_overwritten",
            "test_acts_tags.py::test_a_tag_that_somebody_removed_is_not_set_again",
        ),
    ),
    Guard(
        "tags-read-back",
        "I24",
        "reading tags back",
        (
            ("finops/acts/tags.py", "if found.get(name.lower()) != value:", "if False:"),
            (PERFORM, "or differs(act.afterwards, body)", ""),
        ),
        ("test_acts_tags.py::test_somebody_who_writes_the_same_tag_at_the_same_time_is_reported",),
    ),
    Guard(
        "tags-of-others",
        "I24",
        "noticing that another one's tag is gone",
        (
            (
                "finops/acts/tags.py",
                "return f\"Tags that were there before the write are gone: {', '.join(lost)}.\" if lost else None",
                "return None",
            ),
        ),
        ("test_acts_tags.py::test_another_ones_tag_that_vanished_with_our_write_is_reported",),
    ),
)
