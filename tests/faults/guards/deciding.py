"""Guards of finops/approvals and of the page: who may say yes, to what, and for how long."""

from __future__ import annotations

from . import Guard

VOTES, MOVING, DESK = "finops/approvals/votes.py", "finops/approvals/moving.py", "finops/approvals/desk.py"
RECORD, SHIELD, FORM = "finops/approvals/recording.py", "finops/web/shield.py", "finops/web/form.py"

DECIDING = (
    Guard(
        "vote-for-this-digest",
        "I2",
        "counting only votes for what it is now",
        ((VOTES, " and vote.digest == record.finding.digest", ""),),
        ("test_approvals_votes.py::test_a_vote_for_another_digest_does_not_count",),
    ),
    Guard(
        "vote-ended",
        "I2",
        "leaving out votes that were ended",
        ((VOTES, "stands = vote.says == APPROVE and not vote.ended and", "stands = vote.says == APPROVE and"),),
        ("test_approvals_votes.py::test_an_ended_vote_does_not_count",),
    ),
    Guard(
        "vote-in-time",
        "I2",
        "the end of a vote",
        ((VOTES, "vote.at <= now < vote.until", "vote.at <= now"),),
        ("test_approvals_votes.py::test_a_vote_does_not_count_before_it_was_given_nor_after_its_end",),
    ),
    Guard(
        "two-people",
        "I2",
        "asking for two people where the risk is high",
        ((VOTES, "return 2 if is_high(record) else 1", "return 1"),),
        (
            "test_approvals_desk.py::test_high_risk_takes_two_people",
            "test_approvals_moving.py::test_nothing_is_acted_on_by_half_an_approval",
        ),
    ),
    Guard(
        "risk-not-known",
        "I2",
        "taking a risk that nobody knows for a high one",
        ((VOTES, 'return record.finding.risk != "low"', 'return record.finding.risk == "high"'),),
        ("test_approvals_desk.py::test_a_risk_that_nobody_knows_is_high",),
    ),
    Guard(
        "one-person-one-vote",
        "I2",
        "knowing a person by their address under another account",
        (
            (
                VOTES,
                "return one.oid == other.oid or (bool(address) and address == other.email.strip().casefold())",
                "return one.oid == other.oid",
            ),
        ),
        ("test_approvals_votes.py::test_two_accounts_with_one_address_are_one_person",),
    ),
    Guard(
        "not-ones-own",
        "I2",
        "keeping people from approving what is their own",
        (
            (
                VOTES,
                "left_out = is_high(record) and (is_own(record, person) or person.oid == COMMAND_LINE)",
                "left_out = False",
            ),
        ),
        (
            "test_approvals_votes.py::test_the_owners_vote_does_not_count_for_high_risk_however_it_came_there",
            "test_approvals_votes.py::test_the_requesters_vote_does_not_count_for_high_risk",
            "test_approvals_self.py::test_a_vote_of_the_command_line_does_not_count_for_high_risk_however_it_came_there",
        ),
    ),
    Guard(
        "approval-expires",
        "I2",
        "the end of an approval",
        (
            (
                VOTES,
                "if record.approved_until is None or record.approved_until <= now:",
                "if record.approved_until is None:",
            ),
        ),
        ("test_approvals_votes.py::test_an_approval_ends_to_the_moment",),
    ),
    Guard(
        "only-approved",
        "I2",
        "asking whether it is approved at all",
        ((VOTES, "if record.status not in APPROVED:", "if False:"),),
        ("test_approvals_votes.py::test_only_what_is_approved_is_approved",),
    ),
    Guard(
        "valid-at-the-step",
        "I2",
        "checking the approval in the transaction that uses it",
        (
            (
                MOVING,
                "        problem = invalid(record, now)\n        if problem:",
                '        problem = ""\n        if problem:',
            ),
        ),
        (
            "test_approvals_moving.py::test_nothing_is_acted_on_after_its_approval_expired",
            "test_approvals_moving.py::test_nothing_is_acted_on_by_half_an_approval",
        ),
    ),
    Guard(
        "table-of-steps",
        "I2",
        "the table of what may become what",
        ((MOVING, "if not allowed(record.status, status):", "if False:"),),
        ("test_approvals_moving.py::test_what_the_table_forbids_is_refused_and_changes_nothing",),
    ),
    Guard(
        "people-approve",
        "I2",
        "refusing an approval that no person gave",
        ((MOVING, '    if status == "approved":\n', "    if False:\n"),),
        ("test_approvals_moving.py::test_nobody_approves_by_a_move",),
    ),
    Guard(
        "working-hours",
        "I3",
        "working hours",
        ((MOVING, "    if not Workdays(rules).working(now):\n        return []\n", ""),),
        (
            "test_approvals_desk.py::test_nothing_is_due_outside_working_hours",
            "test_applying_checked.py::test_outside_working_hours_nothing_is_done",
        ),
    ),
    Guard(
        "mode-act",
        "I3",
        "asking whether its rule may act",
        ((MOVING, 'return "" if mode == "act" else', 'return "" if mode else'),),
        (
            "test_approvals_desk.py::test_nothing_is_due_of_a_rule_that_may_not_act",
            "test_applying_checked.py::test_a_rule_that_may_only_ask_changes_nothing",
        ),
    ),
    Guard(
        "grace",
        "I3",
        "waiting for the end of the grace",
        ((MOVING, "if record.due_at is None or record.due_at > now:", "if record.due_at is None:"),),
        ("test_approvals_desk.py::test_what_is_approved_is_due_once_the_grace_is_over",),
    ),
    Guard(
        "new-evidence-new-votes",
        "I1",
        "making votes void when the evidence changed",
        (
            (
                RECORD,
                'if status in {"pending", "approved", "scheduled"} and current.finding.digest != finding.digest:',
                "if False:",
            ),
        ),
        ("test_approvals_recording.py::test_other_evidence_makes_votes_void_and_asks_anew",),
    ),
    Guard(
        "what-was-seen",
        "I2",
        "refusing a decision on something else than what was seen",
        ((DESK, "if not hmac.compare_digest(digest.encode(), record.finding.digest.encode()):", "if False:"),),
        (
            "test_approvals_desk.py::test_approving_something_else_than_what_was_seen_is_refused",
            "test_approvals_desk.py::test_a_digest_is_the_same_or_it_is_not",
            "test_web_decide.py::test_a_changed_row_is_refused_and_shown_again",
        ),
    ),
    Guard(
        "role",
        "I2",
        "asking for the role of an approver",
        ((DESK, "elif not person.approves:", "elif False:"),),
        ("test_approvals_desk.py::test_a_reader_decides_nothing",),
    ),
    Guard(
        "somebody",
        "I2",
        "asking that somebody is signed in",
        ((DESK, "if not person.oid.strip():", "if False:"),),
        ("test_approvals_desk.py::test_nobody_is_nobody",),
    ),
    Guard(
        "no-bulk-of-high-risk",
        "I2",
        "deciding what is of high risk on its own",
        ((DESK, "if len(unique) > 1 and is_high(record):", "if False:"),),
        (
            "test_approvals_desk.py::test_bulk_leaves_high_risk_out_and_decides_the_rest",
            "test_approvals_desk.py::test_no_bulk_takes_high_risk",
        ),
    ),
    Guard(
        "request-expires",
        "I2",
        "the end of a request",
        ((DESK, "if record.expires_at is not None and record.expires_at <= now:", "if False:"),),
        ("test_approvals_desk.py::test_an_expired_request_is_not_approved",),
    ),
    Guard(
        "reason",
        "I25",
        "asking for the reason of an exemption",
        ((DESK, "if not reason.strip():", "if False:"),),
        ("test_approvals_desk.py::test_a_no_without_a_reason_is_refused",),
    ),
    Guard(
        "exemption-ends",
        "I25",
        "the furthest end of an exemption",
        ((DESK, "if until > longest:", "if False:"),),
        ("test_approvals_desk.py::test_an_end_that_cannot_be_meant_is_refused",),
    ),
    Guard(
        "form-of-this-person",
        "I22",
        "the token that binds a form to its reader",
        (
            (
                "finops/web/seals.py",
                "return isinstance(bound, str) and compare_digest(bound.encode(), oid.encode())",
                "return True",
            ),
        ),
        ("test_web_requests.py::test_a_form_with_the_token_of_somebody_else_is_refused",),
    ),
    Guard(
        "foreign-form",
        "I22",
        "refusing the form of another site",
        (
            (
                FORM,
                'if site != "same-origin" or (origin != "null" and _place(origin) != ours):',
                "if False:",
            ),
        ),
        (
            "test_web_requests.py::test_what_another_site_makes_the_browser_send_is_refused",
            "test_web_requests.py::test_a_form_that_names_another_origin_is_refused",
        ),
    ),
    Guard(
        "own-host",
        "I22",
        "answering to its own name only",
        ((SHIELD, 'if host_of(headers.getlist("host")) not in self._hosts:', "if False:"),),
        (
            "test_web_requests.py::test_the_page_answers_to_its_own_name_only",
            "test_web_requests.py::test_two_names_at_once_are_refused",
        ),
    ),
    Guard(
        "headers",
        "I22",
        "the headers that keep scripts and frames away",
        (("finops/served.py", "                given[name] = value\n", "                pass\n"),),
        ("test_web_requests.py::test_every_answer_carries_the_headers",),
    ),
    Guard(
        "fresh-sign-in",
        "I22",
        "asking for a sign-in of less than 15 minutes",
        (("finops/web/door.py", "if datetime.now(UTC) - signed.since >= timedelta(minutes=longest):", "if False:"),),
        ("test_web_door.py::test_an_old_sign_in_looks_but_does_not_approve",),
    ),
    Guard(
        "own-path",
        "I22",
        "leading to its own pages only",
        ((FORM, 'return path if _BACK.match(path) and len(path) < 2000 else "/findings"', "return path"),),
        ("test_web_door.py::test_signing_in_leads_to_this_page_only",),
    ),
)
