"""Guards of finops/daemon: each slot once, by a leader, at a time that is believed."""

from __future__ import annotations

from . import Guard

DUE, SLOTS, LEAD = "finops/daemon/due.py", "finops/daemon/slots.py", "finops/daemon/leading.py"
CLOCK, WORK, LOOP = "finops/daemon/clock.py", "finops/daemon/working.py", "finops/daemon/loop.py"
BOOK = "finops/state/daybook.py"

TIMING = (
    Guard(
        "slot-once",
        "I13",
        "asking, in the transaction that begins it, whether the slot was worked through",
        ((BOOK, "and_(same, runs.c.outcome.in_(list(WORKED)))", "and_(same, runs.c.outcome.in_([]))"),),
        ("test_state_daybook.py::test_a_slot_that_was_worked_through_is_not_begun_again",),
    ),
    Guard(
        "one-run-of-a-duty",
        "I13",
        "one run of a duty at a time",
        ((BOOK, "or_(and_(runs.c.job == job, OPEN), and_(same", "or_(and_(same, OPEN), and_(same"),),
        ("test_state_daybook.py::test_a_duty_is_under_way_once_whatever_its_slot",),
    ),
    Guard(
        "missed-are-told",
        "I13",
        "writing down slots that were missed",
        ((DUE, "missed = tuple(when.between(newest, slot, zone)[:-1])", "missed = ()"),),
        ("test_daemon_loop.py::test_what_a_stop_missed_is_caught_up_once_and_the_rest_is_told",),
    ),
    Guard(
        "too-late",
        "I13",
        "the longest time after which a slot is still begun",
        ((DUE, "    if now - slot >= when.grace:\n", "    if False:\n"),),
        ("test_daemon_loop.py::test_a_slot_that_is_too_old_is_told_and_not_begun",),
    ),
    Guard(
        "deaths",
        "I13",
        "giving up a slot that killed the process twice",
        ((DUE, "or sum(run.why.startswith(DIED) for run in failed) >= DEATHS", ""),),
        ("test_daemon_loop.py::test_the_run_of_a_process_that_died_is_closed_and_its_slot_tried_once_more",),
    ),
    Guard(
        "first-of-two",
        "I13",
        "taking the first of a local time that comes twice",
        (
            (
                SLOTS,
                "datetime.combine(day, at, zone).astimezone(UTC)",
                "datetime.combine(day, at, zone).replace(fold=1).astimezone(UTC)",
            ),
        ),
        ("test_daemon_slots.py::test_a_time_that_winter_time_brings_twice_is_its_first",),
    ),
    Guard(
        "offset-of-the-day",
        "I13",
        "reading local times by the offset that the zone has on that day",
        (
            (
                SLOTS,
                "datetime.combine(day, at, zone).astimezone(UTC)",
                "datetime.combine(day, at, UTC) - (datetime(day.year, 1, 1, tzinfo=zone).utcoffset() or timedelta())",
            ),
        ),
        (
            "faults/test_summer_time.py::test_daily_and_weekly_duties_begin_at_their_local_time_on_both_sides",
            "faults/test_summer_time.py::test_what_is_due_in_working_hours_is_due_in_those_of_the_day",
            "faults/test_summer_time.py::test_the_report_leaves_at_a_quarter_to_seven_on_both_sides",
        ),
    ),
    Guard(
        "clock-put-back",
        "I13",
        "doubting a clock that was put back",
        ((CLOCK, "if self._reached - now > BACK or (self.doubt and now < self._reached):", "if False:"),),
        (
            "test_daemon_loop.py::test_a_clock_that_was_put_back_has_nothing_act_until_somebody_accepts_it",
            "test_daemon_loop.py::test_a_start_after_the_clock_was_put_back_doubts_it_too",
        ),
    ),
    Guard(
        "doubt-holds-acts",
        "I13",
        "holding duties that act while the clock is in doubt",
        ((LOOP, 'return self._watch.doubt if duty.acts else ""', 'return ""'),),
        ("test_daemon_loop.py::test_a_clock_that_was_put_back_has_nothing_act_until_somebody_accepts_it",),
    ),
    Guard(
        "one-fault-stops-no-other",
        "I10",
        "outliving a fault of one duty",
        (
            (WORK, "            except Exception as fault:", "            except ZeroDivisionError as fault:"),
            (
                WORK,
                "            except FinopsError as fault:\n                log.error",
                "            except ZeroDivisionError as fault:\n                log.error",
            ),
        ),
        ("test_daemon_loop.py::test_one_dutys_fault_does_not_stop_the_others",),
    ),
    Guard(
        "said-in-a-sentence",
        "I16",
        "saying what cannot be written in a sentence, without a traceback",
        ((LOOP, 'log.warning("%s", fault)', 'log.warning("%s", fault, exc_info=True)'),),
        ("faults/test_read_only.py::test_it_lives_and_says_why_in_one_clear_sentence",),
    ),
    Guard(
        "outcome-kept",
        "I16",
        "keeping what a run came to until it can be written down",
        ((WORK, "                self._unwritten.append(ended)\n", "                pass\n"),),
        ("faults/test_disk.py::test_what_a_run_came_to_is_written_down_once_there_is_room",),
    ),
    Guard(
        "lease-by-the-steady-clock",
        "I14",
        "believing one's lease for as long as it lasts, and no longer",
        (
            (
                LEAD,
                "return self._lease is not None and self._clock.monotonic() < self._until",
                "return self._lease is not None",
            ),
        ),
        ("test_daemon_loop.py::test_who_was_stopped_for_longer_than_the_lease_begins_nothing_and_stops_acting",),
    ),
    Guard(
        "lease-checked-at-the-beginning",
        "I14",
        "holding the lease in the transaction that begins a run",
        ((BOOK, "or (lease and not self._held(db, lease, owner, fence))", ""),),
        ("test_state_daybook.py::test_who_lost_a_lease_begins_nothing",),
    ),
    Guard(
        "silence-of-the-network",
        "I14",
        "giving up a connection that fell silent",
        (
            ("finops/state/engine.py", '"application_name": "finops", **silence}', '"application_name": "finops"}'),
            ("finops/state/engine.py", "tcp_keepalives_idle={IDLE_SECONDS}", "tcp_keepalives_idle=7200"),
            ("finops/state/engine.py", "tcp_user_timeout={SILENCE_MS}", "tcp_user_timeout=0"),
        ),
        (
            "faults/test_network_cut.py::"
            "test_a_replica_whose_network_is_cut_loses_the_turn_within_a_minute_and_changes_nothing_more",
        ),
    ),
    Guard(
        "stopping",
        "I14",
        "telling a run that its process is being stopped",
        ((WORK, "return self._stop.asked() or not self._leading.holds()", "return False"),),
        (
            "faults/test_stopped.py::test_stopped_in_mid_act_it_ends_that_act_and_begins_no_other",
            "test_daemon_loop.py::test_who_was_stopped_for_longer_than_the_lease_begins_nothing_and_stops_acting",
        ),
    ),
)
