"""A process that does not save where all others do says so, and none of them waits for its part."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from awake import awake
from made_checkpoints import until
from test_checkpoint_sets import META, write_part

from finops import checkpoint
from finops.checkpoint.cadence import Cadence
from finops.checkpoint.faults import StoreFault
from finops.checkpoint.loop import Checkpointer
from finops.checkpoint.names import Name
from finops.checkpoint.retention import Keep
from finops.checkpoint.stores.folder import Folder
from finops.checkpoint.together.crew import Together
from finops.checkpoint.together.ranks import ASKED, Pace, Ranks
from finops.checkpoint.together.sets import say_missed

PATIENCE = 60.0  # seconds for which a part is waited for here; whoever is told waits for none of them
PACE = Pace(idle=0.01, quick=0.002, promised=0.3, opening=60.0)


def agreed(folder: Path) -> int | None:
    """The step at which all are to save, once they are told."""
    at: int | None = json.loads(Folder(folder).notes(ASKED) or "{}").get("at")
    return at


def differs(folder: Path, note: str, was: str | None) -> bool:
    return Folder(folder).notes(note) != was


class Late(Folder):
    """Does not show yet at which step all are to save, as a mount may that remembers what it read."""

    shown = False

    def notes(self, name: str) -> str | None:
        text = super().notes(name)
        return text if name != ASKED or self.shown or '"at"' not in (text or "") else None


class Unsure(Folder):
    """Says that it failed to tell the step though it was told, and what calls it off is lost."""

    def note(self, name: str, text: str) -> None:
        if name == ASKED and '"at": -1' in text:
            raise StoreFault("It is away.", "Wait.")
        super().note(name, text)
        if name == ASKED and '"at"' in text:
            raise StoreFault("It is away.", "Wait.")


class Slow(Folder):
    """Answers when it is let."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.answers = threading.Event()

    def note(self, name: str, text: str) -> None:
        if name == "rank-00001.answers.json" and '"round"' in text:
            assert self.answers.wait(60)
        super().note(name, text)


def trained(crew: Together, folder: Path, ends: Callable[[int], bool] = lambda step: False) -> str:
    """Steps up to the first save, or until `ends`: what became of it."""
    attempt = crew.claim(0)
    for step in itertools.count(1):
        time.sleep(0.002)
        if crew.due(step, wanted=step > 5):
            try:
                return str(write_part(folder, Name(attempt, step, crew.rank, crew.world), patience=PATIENCE))
            except checkpoint.StoreFault as fault:
                return str(fault)
        if ends(step):
            return "not due"
    raise AssertionError


def all_trained(
    folder: Path, stores: list[Folder], who: int, ends: Callable[[int], bool], close: bool = False, pace: Pace = PACE
) -> tuple[list[str], float]:
    """What became of each one's save, where `who` goes on without; and the seconds that it took. close: and closes."""
    with ThreadPoolExecutor(len(stores)) as pool:
        crews = list(pool.map(lambda rank: Together(stores[rank], rank, len(stores), pace), range(len(stores))))

        def work(rank: int) -> str:
            told = trained(crews[rank], folder, ends if rank == who else lambda step: False)
            if close and rank == who:
                crews[rank].close()
            return told

        with awake() as seconds:
            told = list(pool.map(work, range(len(stores))))
            took = seconds()
        list(pool.map(lambda crew: crew.close(), crews))
    return told, took


@pytest.mark.parametrize("gave_up", [False, True])
def test_one_that_waited_in_vain_for_the_step_says_so_once_it_knows_it(tmp_path: Path, gave_up: bool):
    late = Late(tmp_path)
    stores = [Folder(tmp_path), late, Folder(tmp_path)]

    def passes(step: int) -> bool:
        if (at := agreed(tmp_path)) is None or step <= at:
            return False
        if gave_up:  # its thread does not look for the step any more
            time.sleep(3 * PACE.promised)
        late.shown = True
        return True

    told, took = all_trained(tmp_path, stores, 1, passes)

    assert told[1] == "not due"
    assert "Rank 1 could not save its part: It had gone on before it knew" in told[0]
    assert "Rank 0 did not make the parts a checkpoint: Rank 1 could not save" in told[2]
    assert took < PATIENCE / 2


def test_the_first_one_says_so_where_it_called_off_what_the_others_had_heard(tmp_path: Path):
    stores = [Unsure(tmp_path), Folder(tmp_path), Folder(tmp_path)]

    told, took = all_trained(tmp_path, stores, 0, lambda step: (at := agreed(tmp_path)) is not None and step > at + 50)

    assert told[0] == "not due"
    for one in told[1:]:
        assert "Rank 0 did not make the parts a checkpoint: It had gone on before it knew" in one
    assert took < PATIENCE / 2


@pytest.mark.parametrize("known", [True, False])
def test_one_that_ends_before_the_step_says_so(tmp_path: Path, known: bool):
    slow = Slow(tmp_path)

    def ends(step: int) -> bool:
        if step == 3 and not known:  # it has answered, and rank 1 has not yet; the step that all agree on is later
            until(lambda: "round" in (slow.notes("rank-00002.answers.json") or ""))
            threading.Timer(0.3, slow.answers.set).start()
        elif step == 3:
            slow.answers.set()
            until(lambda: agreed(tmp_path) is not None)
        return step == 3

    pace = Pace(idle=0.01, quick=0.002, promised=20.0)
    told, took = all_trained(tmp_path, [Folder(tmp_path), slow, Folder(tmp_path)], 2, ends, close=True, pace=pace)

    assert told[2] == "not due"
    assert "Rank 2 could not save its part: It had gone on before it knew" in told[0]
    assert "Rank 0 did not make the parts a checkpoint: Rank 2 could not save" in told[1]
    assert took < PATIENCE / 2


def test_what_was_saved_by_hand_at_that_step_is_not_called_missed(tmp_path: Path):
    def work(rank: int) -> str:
        crew = Together(Folder(tmp_path), rank, 2, PACE)
        attempt = crew.claim(0)
        for step in itertools.count(1):
            time.sleep(0.002)
            if rank == 1 and agreed(tmp_path) == step:
                until(lambda: crew.agreed)
                crew.saves(attempt, step)  # by ck.save instead of ck.step
                time.sleep(0.1)
                assert not crew.due(step + 1, wanted=False)
            elif not crew.due(step, wanted=step > 5):
                continue
            told = str(write_part(tmp_path, Name(attempt, step, rank, 2), patience=PATIENCE))
            crew.close()
            return told
        raise AssertionError

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(work, range(2)))

    assert [one.isdigit() for one in told] == [True, True]
    assert not list(tmp_path.glob("*.missed.json"))


@pytest.mark.parametrize("rank", [0, 1])
def test_what_became_of_a_part_is_known_though_the_next_set_was_told_over_it(tmp_path: Path, rank: int):
    """Its writer has failed and gone on; that of the other got no turn meanwhile."""
    store = Folder(tmp_path)
    store.claim()
    later = Name(1, 9, rank, 2)
    store.note(f"rank-{rank:05}.saved.json", json.dumps({"name": str(later), "sum": "of it", "plan": META["plan"]}))

    with awake() as seconds:
        with pytest.raises(checkpoint.StoreFault, match=r"It has gone on to attempt-0001\.step-000000000009\.ckpt"):
            write_part(tmp_path, Name(1, 7, 1 - rank, 2), patience=PATIENCE)
        took = seconds()

    assert took < PATIENCE / 2


def test_a_set_that_was_made_before_the_next_was_told_of_is_one(tmp_path: Path):
    store = Folder(tmp_path)
    store.claim()
    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(lambda rank: write_part(tmp_path, Name(1, 7, rank, 2)), range(2)))
    store.note("rank-00000.saved.json", json.dumps({"name": str(Name(1, 9, 0, 2)), "sum": "of it", "plan": "same"}))

    assert write_part(tmp_path, Name(1, 7, 1, 2), patience=PATIENCE) > 0


def test_one_that_missed_a_set_saves_the_next(tmp_path: Path):
    Folder(tmp_path).claim()
    say_missed(Folder(tmp_path), Name(1, 7, 1, 2), "late")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(write_part, tmp_path, Name(1, 9, 0, 2))
        time.sleep(1.0)  # it looks for what was missed, too, where it has waited for a while
        assert write_part(tmp_path, Name(1, 9, 1, 2)) == first.result()


def test_one_that_goes_back_to_an_earlier_step_is_not_taken_for_one_that_has_gone_on(tmp_path: Path):
    """All restore within the attempt, after a set that never became a checkpoint."""

    def work(rank: int) -> int:
        crew = Together(Folder(tmp_path), rank, 2, PACE)
        attempt = crew.claim(0)
        named = crew.saves(attempt, 9)
        if rank == 1:
            Folder(tmp_path).note("rank-00001.saved.json", json.dumps({"name": str(named), "fault": "it was full"}))
        else:
            time.sleep(0.3)
            with pytest.raises(checkpoint.StoreFault, match="it was full"):
                write_part(tmp_path, named, patience=PATIENCE)
        crew.names()
        assert crew.saves(attempt, 9) == named
        time.sleep(0.5 * rank)
        nbytes = write_part(tmp_path, crew.saves(attempt, 7), patience=PATIENCE)
        crew.close()
        return nbytes

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(work, range(2)))


def test_each_save_at_a_step_has_its_own_parts(tmp_path: Path):
    """As those after the last step, which may have been saved when it was taken."""

    both = threading.Barrier(2)

    def work(rank: int) -> tuple[int, int, int | None]:
        state = {"rank": rank, "what": 0}
        crew = Together(Folder(tmp_path), rank, 2, PACE)
        ck = Checkpointer(state, Folder(tmp_path), "j", Keep(), Cadence(least=3600.0, most=3600.0), crew=crew)
        for what in range(1, 4):
            state["what"], other = what, f"rank-{1 - rank:05}.saved.json"
            was = Folder(tmp_path).notes(other)
            both.wait()
            if rank == what % 2:
                until(partial(differs, tmp_path, other, was))
                time.sleep(0.3)
            ck.save(7, wait=True)
        assert ck.stats().saves == 3
        state["what"] = 9
        restored = ck.restore()
        ck.close()
        return state["rank"], state["what"], restored

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, range(2))) == [(0, 3, 7), (1, 3, 7)]


class Failing(Folder):
    """Fails to tell what it is told to fail to tell."""

    fails: Callable[[str, str], bool] = staticmethod(lambda name, text: False)

    def note(self, name: str, text: str) -> None:
        if self.fails(name, text):
            raise StoreFault("It is away.", "Wait.")
        super().note(name, text)


def test_a_step_that_was_called_off_is_not_agreed_on_again(tmp_path: Path):
    """As its notes may still say of it that it was missed."""
    store, off = Failing(tmp_path), list[int]()
    store.fails = lambda name, text: name == ASKED and '"at"' in text and '"at": -1' not in text
    pace = Pace(idle=0.01, quick=0.002, promised=0.3)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(
            lambda rank: Ranks([store, Folder(tmp_path)][rank], rank, 2, pace, off.append), range(2)
        )
    assert not first.due(1, True, urgent=True)
    until(lambda: len(off) == 1 and agreed(tmp_path) == -1)
    store.fails = lambda name, text: False

    assert not first.due(1, True, urgent=True)  # nobody has taken a step since

    until(lambda: first.agreed and second.agreed)
    assert (agreed(tmp_path) or 0) > off[0]
    first.close()
    second.close()


def test_a_notice_is_heeded_where_the_last_save_could_not_be_agreed_on(tmp_path: Path):
    """A save by the clock that is wanted rests for a minute or more then; the node may be gone before."""
    store = Failing(tmp_path)
    store.fails = lambda name, text: name.endswith("answers.json") and '"round": 1' in text
    pace = Pace(idle=0.01, quick=0.002, promised=0.2, rest=3600.0)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda rank: Ranks([Folder(tmp_path), store][rank], rank, 2, pace), range(2))
    steps = itertools.count(1)
    until(lambda: not first.due(next(steps), True) and agreed(tmp_path) == -1)
    until(lambda: not first.due(next(steps), True) and first._wanted)

    until(lambda: first.due(next(steps), True, urgent=True))

    first.close()
    second.close()


def test_one_that_ends_does_not_wait_for_a_place_that_is_away(tmp_path: Path):
    folder = tmp_path / "folder"
    slow = Slow(folder)
    pace = Pace(idle=0.01, quick=0.002, promised=40.0)
    with ThreadPoolExecutor(3) as pool:
        ranks = list(
            pool.map(lambda rank: Ranks([Folder(folder), slow, Folder(folder)][rank], rank, 3, pace), range(3))
        )
    ranks[0].due(1, True)
    until(lambda: "round" in (slow.notes("rank-00002.answers.json") or ""))
    folder.rename(tmp_path / "away")

    with awake() as seconds:
        ranks[2].close()
        took = seconds()

    assert took < 10
    slow.answers.set()
    for one in ranks[:2]:
        one.close()


def test_one_that_hears_of_the_step_when_it_has_just_taken_it_says_so_at_the_next(tmp_path: Path):
    late, missed = Late(tmp_path), list[int]()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(
            lambda rank: Ranks([Folder(tmp_path), late][rank], rank, 2, PACE, missed.append), range(2)
        )
    first.due(1, True)
    until(lambda: agreed(tmp_path) is not None)
    at = agreed(tmp_path) or 0
    assert [second.due(step, False) for step in range(1, at + 1)] == [False] * at
    late.shown = True
    until(lambda: second.agreed)

    assert not second.due(at + 1, False)

    until(lambda: missed == [at])
    first.close()
    second.close()


@pytest.mark.parametrize("knew", [True, False])
def test_one_that_saved_by_hand_at_the_step_of_which_it_hears_has_not_missed_it(tmp_path: Path, knew: bool):
    late, missed = Late(tmp_path), list[int]()
    with ThreadPoolExecutor(2) as pool:
        stores = [Folder(tmp_path), late]
        first, second = pool.map(lambda rank: Ranks(stores[rank], rank, 2, PACE, missed.append), range(2))
    first.due(1, True)
    until(lambda: agreed(tmp_path) is not None)
    at = agreed(tmp_path) or 0
    assert [second.due(step, False) for step in range(1, at + 1)] == [False] * at
    if not knew:
        second.saves(at)
    late.shown = True
    until(lambda: second.agreed)
    if knew:
        second.saves(at)
        assert not second.agreed

    assert not second.due(at + 1, False)

    second.close()
    assert missed == []
    first.close()
