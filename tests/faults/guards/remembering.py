"""Guards of finops/state: intents, turns, the audit trail and the disk below them."""

from __future__ import annotations

from . import Guard

AUDIT, TURN, STORE = "finops/state/audit.py", "finops/state/turn.py", "finops/state/store.py"
INTENTS, ENGINE = "finops/state/intents.py", "finops/state/engine.py"

REMEMBERING = (
    Guard(
        "write-through",
        "I5",
        "writing through to the disk before the request leaves",
        ((ENGINE, "PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL"),),
        (
            "test_state_database.py::test_every_connection_writes_through_to_the_disk",
            "test_acts_durable.py::test_the_disk_is_written_through_right_before_the_request_leaves",
        ),
    ),
    Guard(
        "outcome-once",
        "I5",
        "refusing a second outcome",
        ((INTENTS, "if changed.rowcount != 1:", "if False:"),),
        ("test_state_turn.py::test_an_outcome_is_recorded_once",),
    ),
    Guard(
        "one-open-intent",
        "I5",
        "one open intent for each workspace, in the database itself",
        (
            (
                "finops/state/migrations/versions/m0001_first.py",
                '["workspace"],\n        unique=True,',
                '["workspace"],\n        unique=False,',
            ),
        ),
        ("test_state_turn.py::test_a_workspace_has_one_open_intent",),
    ),
    Guard(
        "intent-in-turn",
        "I14",
        "opening intents in one's turn only",
        (
            (
                STORE,
                "if self._ours != threading.get_ident():\n            raise FinopsError(",
                "if False:\n            raise FinopsError(",
            ),
        ),
        ("test_state_turn.py::test_an_intent_needs_the_turn",),
    ),
    Guard(
        "exclusive-turn",
        "I14",
        "keeping others out while it is one's turn",
        ((TURN, "fcntl.LOCK_EX | fcntl.LOCK_NB", "fcntl.LOCK_SH | fcntl.LOCK_NB"),),
        (
            "test_state_turn.py::test_it_is_one_processs_turn_and_the_other_is_told_whose",
            "test_applying_limits.py::test_while_another_run_changes_azure_nothing_is_done",
            "test_acts_guards.py::test_while_another_run_acts_nothing_is_done",
        ),
    ),
    Guard(
        "one-turn-a-database",
        "I14",
        "knowing a database by whatever path it is reached",
        ((TURN, "    database = database.resolve()\n", ""),),
        ("test_state_turn.py::test_a_database_has_one_turn_by_whatever_path_it_is_reached",),
    ),
    Guard(
        "turn-lost-with-the-session",
        "I14",
        "losing the turn with the connection that held it",
        ((TURN, "if session_of(session.db) != session.process:", "if False:"),),
        ("test_state_turn.py::test_a_turn_ends_with_the_session_that_held_it",),
    ),
    Guard(
        "one-writer",
        "I14",
        "one writing transaction at a time",
        (
            (
                ENGINE,
                '    if db.dialect.name == "postgresql":\n        db.execute(text("SELECT pg_advisory_xact_lock',
                '    if False:\n        db.execute(text("SELECT pg_advisory_xact_lock',
            ),
            (ENGINE, '"BEGIN" if reads else "BEGIN IMMEDIATE"', '"BEGIN"'),
        ),
        ("test_state_database.py::test_entries_of_many_writers_form_one_trail",),
    ),
    Guard(
        "audit-numbers",
        "I20",
        "noticing that an entry is missing",
        (
            (AUDIT, 'if entry["number"] != number:', "if False:"),
            (AUDIT, 'if entry["previous"] != previous:', "if False:"),
        ),
        ("test_state_audit.py::test_an_edited_trail_is_not_whole",),
    ),
    Guard(
        "audit-chain",
        "I20",
        "holding each entry to the one before it",
        ((AUDIT, 'if entry["previous"] != previous:', "if False:"),),
        ("test_state_audit.py::test_an_entry_that_was_sealed_anew_does_not_lead_to_the_next",),
    ),
    Guard(
        "audit-hash",
        "I20",
        "computing the hash of each entry again",
        ((AUDIT, 'if hmac.compare_digest(entry["hash"], _hash(entry, key)):', "if True:"),),
        (
            "test_state_audit.py::test_an_edited_trail_is_not_whole",
            "test_state_audit.py::test_random_edits_are_all_found",
        ),
    ),
    Guard(
        "audit-key",
        "I20",
        "the key that is not in the database",
        (
            (
                AUDIT,
                "return hmac.new(key, text, hashlib.sha256).hexdigest() if key is not None else hashlib.sha256(text).hexdigest()",  # noqa: E501
                "return hashlib.sha256(text).hexdigest()",
            ),
        ),
        ("test_state_audit.py::test_a_trail_that_was_written_anew_is_found_by_its_key",),
    ),
    Guard(
        "audit-stays-sealed",
        "I20",
        "going on sealed once it was sealed",
        ((AUDIT, 'if keyed and not entry["keyed"]:', "if False:"),),
        ("test_state_audit.py::test_a_sealed_trail_goes_on_sealed",),
    ),
    Guard(
        "audit-anchor",
        "I20",
        "holding the trail to heads that were noted outside",
        (
            (
                AUDIT,
                'return Verified(number, f"{number}:{previous}", _lost(missing, number), missing)',
                'return Verified(number, f"{number}:{previous}", None, ())',
            ),
        ),
        ("test_state_audit.py::test_a_trail_that_was_cut_off_is_found_by_a_head_that_was_noted",),
    ),
    Guard(
        "whole-when-opened",
        "I16",
        "checking the database when it is opened",
        ((STORE, 'if said != ["ok"] or loose:', "if False:"),),
        ("test_state_database.py::test_what_does_not_hold_together_is_found_when_it_is_opened",),
    ),
    Guard(
        "one-clear-error",
        "I16",
        "telling a fault of the disk as one clear error",
        (
            (
                "finops/state/faults.py",
                "    except SQLAlchemyError as fault:\n        raise error_of(where, fault) from fault",
                "    except SQLAlchemyError:\n        raise",
            ),
        ),
        (
            "test_state_database.py::test_a_full_disk_is_one_clear_error_and_loses_nothing",
            "test_state_database.py::test_a_locked_database_is_one_clear_error",
        ),
    ),
    Guard(
        "newer-schema",
        "I16",
        "leaving a newer schema alone",
        (("finops/state/migrate.py", '        known(f"The state database {where}", has)', "        return"),),
        ("test_state_database.py::test_a_newer_schema_is_refused_and_left_alone",),
    ),
    Guard(
        "owner-only",
        "I18",
        "making the database readable by its owner only",
        ((ENGINE, "os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))", "os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o644))"),),
        ("test_state_database.py::test_what_is_written_down_is_for_its_owner_only",),
    ),
)
