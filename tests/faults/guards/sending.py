"""Guards of what is read from Azure, and of what leaves: mails, reports, alerts, tokens."""

from __future__ import annotations

from . import Guard

POST, LETTERS, OUTBOX = "finops/mail/post.py", "finops/state/letterbook.py", "finops/mail/outbox.py"
GRAPH, SHAPES, PAGING = "finops/cloud/graph.py", "finops/cloud/shapes.py", "finops/cloud/paging.py"
PIPELINE, MANIFEST = "finops/cloud/pipeline.py", "finops/charges/manifest.py"

SENDING = (
    Guard(
        "letter-once",
        "I7",
        "keeping a letter with the same Message-ID once",
        ((LETTERS, '.on_conflict_do_nothing(index_elements=["message_id"])', ""),),
        ("test_mail_post.py::test_a_letter_is_put_once_however_many_put_it",),
    ),
    Guard(
        "handed-over-is-written",
        "I7",
        "writing down that a mail may arrive from here on",
        ((POST, "            self._letters.handed(attempt, self._now, fates)\n", ""),),
        ("test_mail_post.py::test_where_nobody_can_be_asked_the_setting_decides",),
    ),
    Guard(
        "unsure-is-held",
        "I7",
        "holding a report of which nobody knows whether it arrived",
        ((POST, 'return rule == "send" or (rule == "by-kind" and kind != "report")', "return True"),),
        ("test_mail_post.py::test_where_nobody_can_be_asked_the_setting_decides",),
    ),
    Guard(
        "attempt-of-another",
        "I7",
        "beginning an attempt only where none is open and the mail is owed",
        ((LETTERS, "if db.execute(owed).scalar_one() != len(to) or db.execute(under_way).first():", "if False:"),),
        ("test_letters_begun.py::test_who_has_it_is_not_sent_it_again",),
    ),
    Guard(
        "post-turn",
        "I7",
        "sending in one's turn only",
        (
            (
                LETTERS,
                "            with turns.of_file(Path(str(self._engine.url.database)), turns.POSTING):\n                yield True",  # noqa: E501
                "            yield True",
            ),
        ),
        ("test_mail_post.py::test_two_never_send_at_the_same_time",),
    ),
    Guard(
        "outbox-once",
        "I7",
        "leaving a mail that is there already as it is",
        (
            (OUTBOX, "os.link(draft, path)", "os.replace(draft, path)"),
            (OUTBOX, "return not path.exists() and self._write", "return self._write"),
            (OUTBOX, "            os.unlink(draft)", "            Path(draft).unlink(missing_ok=True)"),
        ),
        (
            "test_mail_outbox.py::test_the_same_mail_is_left_once_as_it_first_was",
            "test_mail_outbox.py::test_of_many_at_the_same_time_one_leaves_it",
        ),
    ),
    Guard(
        "alert-once",
        "I8",
        "remembering that a threshold was told",
        (
            (
                "finops/budget/alerts.py",
                "        if _was_told(standing, key, threshold.key, limit, told):\n            continue\n",
                "",
            ),
        ),
        (
            "test_budget_check.py::test_a_raise_that_the_spending_has_outrun_already_repeats_nothing",
            "test_budget_check.py::test_lowering_a_budget_does_not_repeat_what_was_told",
        ),
    ),
    Guard(
        "alert-per-period",
        "I8",
        "arming a threshold anew with the next period",
        (
            ("finops/budget/alerts.py", "{period.start:%Y-%m-%d}/{threshold}", "{threshold}"),
            (
                "finops/budget/alerts.py",
                "if (one.budget, one.period, one.threshold) == (standing.budget.name, start, threshold)]",
                "if (one.budget, one.threshold) == (standing.budget.name, threshold)]",
            ),
        ),
        ("test_budget_check.py::test_the_next_period_is_armed_anew",),
    ),
    Guard(
        "correction-once",
        "I8",
        "saying a correction once",
        (
            (
                "finops/budget/alerts.py",
                "one for one in told if one.corrected is None and one.key in limits",
                "one for one in told if one.key in limits",
            ),
        ),
        ("test_budget_check.py::test_a_correction_that_was_told_does_not_come_along_with_what_is_told_later",),
    ),
    Guard(
        "missing-corrects-nothing",
        "I8",
        "correcting nothing by charges that are missing",
        (("finops/budget/alerts.py", "if standing.at_least or any(one.what", "if any(one.what"),),
        ("test_budget_check.py::test_charges_that_are_missing_correct_nothing",),
    ),
    Guard(
        "stale",
        "I9",
        "calling data that is older than it should be stale",
        (("finops/report/periods.py", "if late > STALE:", "if False:"),),
        ("test_report_build.py::test_long_old_data_is_reported_by_its_last_week_and_called_stale",),
    ),
    Guard(
        "not-complete-yet",
        "I9",
        "leaving out the hours before a file was written",
        (
            (
                "finops/charges/completeness.py",
                "            end = min(end, _published(run.run.when, late_hours))\n",
                "            pass\n",
            ),
        ),
        (
            "test_charges_coverage.py::test_the_day_on_which_a_file_was_written_is_not_complete",
            "test_charges_exports.py::test_an_export_is_complete_up_to_the_day_before_it_was_submitted",
        ),
    ),
    Guard(
        "slowest-source",
        "I9",
        "taking the earliest of what the sources reach",
        (
            (
                "finops/charges/completeness.py",
                "    return min([*known, *([_published(now, late_hours)]",
                "    return max([*known, *([_published(now, late_hours)]",
            ),
        ),
        ("test_charges_ingest.py::test_a_subscription_that_lags_behind_is_named",),
    ),
    Guard(
        "the-others-stay",
        "I10",
        "keeping the others when one subscription refuses",
        (
            (
                "finops/charges/ingest.py",
                "    if isinstance(told, AzureError):\n",
                "    if isinstance(told, AzureError):\n        raise told\n    if isinstance(told, AzureError):\n",
            ),
        ),
        (
            "test_charges_ingest.py::test_one_subscription_that_refuses_is_named_and_the_others_stay",
            "test_charges_ingest.py::test_what_was_stored_before_a_refusal_stays_and_the_gap_is_remembered",
        ),
    ),
    Guard(
        "left-out-is-a-gap",
        "I10",
        "naming a subscription of which nothing came",
        (("finops/estate/read.py", "        if subscription not in seen:\n", "        if False:\n"),),
        ("test_estate_read.py::test_a_subscription_that_resource_graph_leaves_out_silently_is_a_gap",),
    ),
    Guard(
        "reconciled",
        "I11",
        "holding the parts to a total that was asked on its own",
        (
            ("finops/charges/answers.py", "if abs(difference) > TOLERANCE:", "if False:"),
            ("finops/charges/answers.py", "    if lacking:\n", "    if False:\n"),
        ),
        ("test_charges_ingest.py::test_an_answer_that_cannot_be_right_is_not_stored",),
    ),
    Guard(
        "currencies",
        "I11",
        "never adding two currencies",
        (("finops/charges/book.py", "        if len(there) > 1:\n", "        if False:\n"),),
        ("test_charges_focus.py::test_currencies_are_never_added",),
    ),
    Guard(
        "every-page",
        "I11",
        "following a list to its last page",
        ((PAGING, "        if raw is None:\n            return\n", "        return\n"),),
        (
            "test_cloud_paging.py::test_every_page_is_read",
            "test_cloud_cost.py::test_every_page_is_posted_with_the_same_question",
        ),
    ),
    Guard(
        "page-circle",
        "I11",
        "noticing pages that lead in a circle",
        ((PAGING, "if address in seen:", "if False:"),),
        (
            "test_cloud_paging.py::test_a_next_link_to_itself_is_a_loop",
            "test_cloud_paging.py::test_two_pages_that_point_to_each_other_are_a_loop",
        ),
    ),
    Guard(
        "whole-export",
        "I12",
        "waiting until every part of an export is there",
        ((MANIFEST, "        _missing(body, blobs, parts),\n", '        "",\n'),),
        ("test_charges_exports.py::test_an_older_run_stays_in_use_until_the_new_one_is_whole",),
    ),
    Guard(
        "newest-export",
        "I12",
        "using the newest run of an export only",
        ((MANIFEST, "key=lambda run: run.submitted, reverse=True", "key=lambda run: run.submitted"),),
        ("test_charges_exports.py::test_the_newest_complete_run_of_an_export_counts",),
    ),
    Guard(
        "no-list-is-no-absence",
        "I4",
        "refusing a body without its list",
        (
            (
                SHAPES,
                "    if key not in page:\n        raise odd(",
                "    if key not in page:\n        return []\n    if False:\n        raise odd(",
            ),
        ),
        ("test_cloud_paging.py::test_a_body_that_is_no_list_is_an_error_and_not_an_empty_list",),
    ),
    Guard(
        "truncated",
        "I4",
        "noticing that Resource Graph left rows out",
        (
            (
                GRAPH,
                'if str(page.get("resultTruncated", "false")).lower() == "true" and not page.get("$skipToken"):',
                "if False:",
            ),
            (GRAPH, 'if len(found) != page["totalRecords"]:', "if False:"),
        ),
        ("test_cloud_graph.py::test_a_graph_answer_that_is_not_whole_is_an_error",),
    ),
    Guard(
        "foreign-404",
        "I4",
        "believing only Azure's own 404",
        (
            (
                "finops/cloud/faults.py",
                "if status == 404 and fault.by_azure and lower not in NOT_ABSENCE:",
                "if status == 404:",
            ),
        ),
        ("test_cloud_faults.py::test_a_404_that_does_not_come_from_azure_proves_no_absence",),
    ),
    Guard(
        "change-sent-once",
        "I5",
        "never sending a change twice whose answer was lost",
        (
            (
                "finops/cloud/retry.py",
                "            if not call.read:\n                raise lost(call.doing, reason) from fault\n",
                "",
            ),
        ),
        ("test_cloud_retry.py::test_a_change_whose_answer_was_lost_is_not_sent_twice",),
    ),
    Guard(
        "largest-body",
        "I15",
        "leaving a body without end",
        ((PIPELINE, "if size > LARGEST_BODY:", "if False:"),),
        ("test_cloud_bounds.py::test_a_compressed_bomb_is_left_at_64_mib",),
    ),
    Guard(
        "most-pages",
        "I15",
        "leaving a list without end",
        ((PAGING, "for number in range(1, most_pages + 1):", "for number in range(1, 50 * most_pages + 1):"),),
        ("test_cloud_paging.py::test_a_list_without_end_is_stopped",),
    ),
    Guard(
        "escaped",
        "I17",
        "escaping what templates print",
        (("finops/report/templates.py", 'return name is None or ".html" in name', "return False"),),
        ("test_report_render.py::test_a_hostile_name_is_shown_and_never_acts",),
    ),
    Guard(
        "no-formula",
        "I17",
        "writing a text as a text into the workbook",
        (
            (
                "finops/report/workbook_cells.py",
                "            # As a string of its own:",
                """            if text.startswith("="):
                return f'<c r="{at}"{kind}><f>{escape(text[1:])}</f></c>', len(value)
            # As a string of its own:""",
            ),
        ),
        ("test_report_workbook.py::test_no_name_becomes_a_formula",),
    ),
    Guard(
        "no-formula-in-csv",
        "I17",
        "the apostrophe before what begins a formula",
        (
            (
                "finops/report/workbook_csv.py",
                'return f"\'{text}" if text.lstrip(" ").startswith(FORMULA) else text',
                "return text",
            ),
        ),
        ("test_report_workbook.py::test_the_lines_as_csv_hold_every_amount_exactly_and_no_formula",),
    ),
    Guard(
        "unsigned-logs",
        "I18",
        "keeping signatures out of logs",
        (("finops/cloud/transport.py", 'logging.getLogger("urllib3.connectionpool").addFilter(_UNSIGNED)', "pass"),),
        ("test_cloud_bounds.py::test_neither_token_nor_signature_reaches_a_log_or_a_message",),
    ),
    Guard(
        "role-is-enough",
        "I19",
        "an action that applying needs",
        (
            (
                "docs/enforcer-role.json",
                '    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/delete",\n',
                "",
            ),
        ),
        ("test_applying_role.py::test_the_enforcer_role_is_enough_to_apply",),
    ),
    Guard(
        "role-is-no-more",
        "I19",
        "the end of the role: it may read keys",
        (
            (
                "docs/enforcer-role.json",
                '    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/delete",',
                '    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/delete",\n'
                '    "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/listKeys/action",',
            ),
        ),
        ("test_applying_role.py::test_no_role_reads_keys_or_has_wildcards",),
    ),
    Guard(
        "own-hosts",
        "I21",
        "calling our own hosts only",
        ((PIPELINE, "if not self._cloud.allows(url):", "if False:"),),
        (
            "test_cloud_paging.py::test_no_request_leaves_for_a_host_that_is_not_the_clouds_own",
            "test_cloud_credentials.py::test_a_real_clouds_token_leaves_only_over_https_and_only_for_its_hosts",
        ),
    ),
    Guard(
        "next-link-stays",
        "I21",
        "following a link on the same host only",
        (("finops/cloud/clouds.py", "if parts is None or not same_place(whole, base):", "if parts is None:"),),
        ("test_cloud_paging.py::test_a_next_link_to_another_place_is_not_followed",),
    ),
    Guard(
        "chunk-sums",
        "I26",
        "holding each piece of a checkpoint to its checksum",
        (
            (
                "finops/checkpoint/format.py",
                "source.read(start, into) != stop - start or crc32(into) != footer.sums[index]",
                "source.read(start, into) != stop - start",
            ),
        ),
        ("test_checkpoint_format.py::test_with_any_byte_changed_the_one_before_is_restored",),
    ),
    Guard(
        "footer-sum",
        "I26",
        "holding the end of a checkpoint to its checksum",
        (("finops/checkpoint/format.py", "if crc32(tail[:-4]) != crc:", "if False:"),),
        ("test_checkpoint_format.py::test_with_any_bit_of_its_beginning_and_end_changed_the_one_before_is_restored",),
    ),
    Guard(
        "verify-before-deleting",
        "I26",
        "reading the newest back before an older one is deleted",
        (
            (
                "finops/checkpoint/scribe.py",
                "        verify(self.store, name)  # the parts",
                "        pass  # the parts",
            ),
        ),
        (
            "test_checkpoint_retention.py::test_nothing_is_deleted_while_the_newest_cannot_be_read_back",
            "test_checkpoint_retention.py::test_whatever_is_damaged_the_newest_that_is_whole_is_never_deleted",
        ),
    ),
    Guard(
        "newest-stay",
        "I26",
        "keeping as many of the newest as were asked for",
        (("finops/checkpoint/retention.py", "if at < keep.newest:", "if at < keep.newest - 1:"),),
        ("test_checkpoint_retention.py::test_the_newest_are_kept",),
    ),
)
