"""A DataLoader is entered in mid-epoch: every sample once, in one order, with the same noise, whoever reads it."""

from __future__ import annotations

import pickle
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finops.checkpoint import CheckpointWarning, rng
from finops.checkpoint.data.loaders import _Sowing, _Sown
from finops.checkpoint.reading import Reading

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

data = torch.utils.data
warned: list[str] = []


@pytest.fixture(autouse=True)
def _quiet() -> None:
    warned.clear()


class Numbers(data.Dataset):
    """The number of each sample, and the noise of whoever reads it."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.offset = 0

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> Any:
        return torch.tensor([index + self.offset, random.random(), torch.rand(()).item()], dtype=torch.float64)


def attempt(world: int = 1, rank: int = 0, seed: int = 0) -> Reading:
    return Reading(seed, rank, world, warned.append)


def gone_on(loader: Any, steps: int, epochs: int = 1, again: Any = None) -> tuple[list[Any], list[Any]]:
    """What is read up to a kill after that many steps, and what the next attempt reads."""
    first, second = attempt(), attempt()
    before = [batch for _, batch in zip(range(steps), _stepped(first, loader, epochs), strict=False)]
    second.recall(first.place, rng.capture(), first.told())
    return before, list(second.run(again or loader, epochs))


def _stepped(reading: Reading, loader: Any, epochs: int) -> Iterator[Any]:
    for batch in reading.run(loader, epochs):
        reading.stepped()
        yield batch


def samples_of(batches: list[Any]) -> list[int]:
    return [int(row[0]) for batch in batches for row in batch.reshape(-1, 3)]


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(0, 70),
    size=st.integers(1, 9),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    steps=st.integers(0, 40),
    epochs=st.integers(1, 3),
)
def test_each_sample_counts_once_an_epoch(
    length: int, size: int, shuffle: bool, drop_last: bool, steps: int, epochs: int
):
    if not length:
        shuffle = False  # torch refuses to shuffle nothing
    loader = data.DataLoader(Numbers(length), size, shuffle=shuffle, drop_last=drop_last)

    before, after = gone_on(loader, steps, epochs)

    whole = list(attempt().run(loader, epochs))
    counts = Counter(samples_of(before + after))
    assert samples_of(before + after) == samples_of(whole)
    assert sum(counts.values()) == epochs * (length - length % size if drop_last else length)
    assert set(counts.values()) <= ({epochs} if not drop_last else set(range(epochs + 1)))


@pytest.mark.parametrize("persistent", [False, True])
def test_workers_draw_the_same_noise_wherever_they_begin(persistent: bool):
    loader = data.DataLoader(Numbers(40), 4, shuffle=True, num_workers=2, persistent_workers=persistent)

    before, after = gone_on(loader, steps=13, epochs=2)

    whole = list(attempt().run(loader, 2))
    assert torch.equal(torch.cat(before + after), torch.cat(whole))
    assert len({float(row[2]) for row in torch.cat(whole)}) == 80  # and not the same in each epoch


def test_workers_draw_the_same_noise_however_many_they_are():
    one, two = (
        torch.cat(list(attempt().run(data.DataLoader(Numbers(20), 4, shuffle=True, num_workers=workers), 1)))
        for workers in (1, 2)
    )

    assert torch.equal(one, two)


def _move(worker: int) -> None:
    data.get_worker_info().dataset.offset = 100


def test_what_worker_init_fn_does_to_the_dataset_is_done_to_it():
    loader = data.DataLoader(Numbers(6), 2, num_workers=1, worker_init_fn=_move)

    assert samples_of(list(attempt().run(loader, 1))) == [100, 101, 102, 103, 104, 105]


def test_what_workers_read_can_be_sent_to_one_that_is_spawned():
    sent = pickle.loads(pickle.dumps(_Sowing(data.TensorDataset(torch.arange(6)))))

    assert len(sent) == 6
    assert sent.__getitems__(_Sown("", [2, 4])) == [(torch.tensor(2),), (torch.tensor(4),)]


def test_the_trainings_own_random_numbers_are_not_drawn_from():
    torch.manual_seed(1)
    before = torch.get_rng_state()

    list(attempt().run(data.DataLoader(data.TensorDataset(torch.arange(9)), 2, shuffle=True), 2))

    assert torch.equal(torch.get_rng_state(), before)


def test_another_batch_size_goes_on_after_the_last_sample_that_counted():
    before, after = gone_on(
        data.DataLoader(Numbers(50), 4, shuffle=True), 5, again=data.DataLoader(Numbers(50), 7, shuffle=True)
    )

    assert sorted(samples_of(before + after)) == list(range(50))


def test_more_epochs_than_before_go_on_after_those_that_were_asked_for():
    loader = data.DataLoader(Numbers(8), 4)
    first, second = attempt(), attempt()
    list(_stepped(first, loader, 2))
    second.recall(first.place, rng.capture(), first.told())

    assert samples_of(list(second.run(loader, 3))) == list(range(8))


def samplers(length: int) -> Iterator[tuple[str, dict[str, Any]]]:
    weights = [1.0 + (at % 3) for at in range(length)]
    owned = torch.Generator().manual_seed(5)
    yield "weighted", {"sampler": data.WeightedRandomSampler(weights, length)}
    yield "subset", {"sampler": data.SubsetRandomSampler(range(5, length))}
    yield "replacement", {"sampler": data.RandomSampler(range(length), replacement=True)}
    yield "owned", {"sampler": data.SubsetRandomSampler(range(length), generator=owned)}
    batches = data.BatchSampler(data.RandomSampler(range(length)), 3, False)
    yield "batches", {"batch_sampler": [[0, 1, 2], [3, 4], [5, 6, 7, 8, 9]]}
    yield "random batches", {"batch_sampler": batches}
    yield "no batches", {"batch_size": None, "shuffle": True}


@pytest.mark.parametrize("name", [name for name, _ in samplers(10)])
@pytest.mark.parametrize("workers", [0, 1])
def test_an_order_of_the_callers_own_goes_on_where_it_was(name: str, workers: int):
    if workers and name != "random batches":
        pytest.skip("one is enough")

    def made() -> Any:  # as a script that is started again makes it
        return data.DataLoader(Numbers(30), num_workers=workers, **({"batch_size": 3} | own if alone else own))

    own = dict(samplers(30))[name]
    alone = "batch_sampler" not in own and "batch_size" not in own
    torch.manual_seed(4)
    whole = [samples_of([batch]) for batch in attempt().run(made(), 2)]
    own = dict(samplers(30))[name]
    torch.manual_seed(99)

    before, after = gone_on(made(), 4, epochs=2, again=made())

    assert [samples_of([batch]) for batch in before + after] == whole


def test_the_processes_of_a_distributed_sampler_share_each_epoch():
    made = [data.DataLoader(Numbers(24), 3, sampler=data.DistributedSampler(Numbers(24), 4, rank)) for rank in range(4)]

    read = [samples_of(list(attempt().run(loader, 1))) for loader in made]

    assert [len(one) for one in read] == [6, 6, 6, 6]
    assert sorted(sample for one in read for sample in one) == list(range(24))


def test_a_loader_of_a_class_of_its_own_reads_as_its_class_does():
    class Doubling(data.DataLoader):
        def __iter__(self) -> Iterator[Any]:
            return ((batch * 2) for batch in super().__iter__())

    with pytest.warns(CheckpointWarning, match="A Doubling can only be read from its beginning: 1 batches are read"):
        before, after = gone_on(Doubling(Numbers(12), 4), steps=1)

    assert samples_of(before + after) == [2 * at for at in range(12)]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("steps", [1, 4, 9, 12])
def test_one_whose_class_leaves_batches_out_goes_on_after_those_that_it_gave(steps: int, workers: int):
    class Clean(data.DataLoader):
        def __iter__(self) -> Iterator[Any]:
            return (batch for batch in super().__iter__() if int(batch[0][0]) % 3)

    def made() -> Any:
        owned = torch.Generator().manual_seed(3)
        return Clean(Numbers(15), 1, shuffle=True, num_workers=workers, generator=owned)

    whole = list(attempt().run(made(), 2))

    with pytest.warns(CheckpointWarning, match="batches are read and passed over"):
        before, after = gone_on(made(), steps, epochs=2, again=made())

    assert len(whole) == 20
    assert samples_of(before + after) == samples_of(whole)


class Endless(data.Sampler):
    """As those that are not read in epochs."""

    def __iter__(self) -> Iterator[int]:
        while True:
            yield from torch.randperm(10).tolist()


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("steps", [3, 200])
def test_a_sampler_without_an_end_goes_on_where_it_was(workers: int, steps: int):
    loader = data.DataLoader(data.TensorDataset(torch.arange(10)), 4, sampler=Endless(), num_workers=workers)
    torch.manual_seed(4)
    whole = [batch.tolist() for _, [batch] in zip(range(steps + 100), attempt().run(loader, 1), strict=False)]
    drawn = torch.rand(1)
    torch.manual_seed(4)
    first, second = attempt(), attempt()

    before = [batch.tolist() for _, [batch] in zip(range(steps), _stepped(first, loader, 1), strict=False)]
    second.recall(first.place, rng.capture(), first.told())
    after = [batch.tolist() for _, [batch] in zip(range(100), second.run(loader, 1), strict=False)]

    assert before + after == whole
    assert torch.equal(torch.rand(1), drawn)  # and none of the training's own are drawn


def test_a_dataset_that_reads_several_at_once_does():
    class Several(Numbers):
        def __getitems__(self, indices: list[int]) -> list[Any]:
            return [torch.tensor([1000.0 + index, 0, 0]) for index in indices]

    loader = data.DataLoader(Several(6), 2, num_workers=1)

    assert samples_of(list(attempt().run(loader, 1))) == [1000, 1001, 1002, 1003, 1004, 1005]


class Flowing(data.IterableDataset):
    """Tells where it is, as the streamed datasets of Hugging Face do."""

    def __init__(self, length: int) -> None:
        self.length, self.at, self.read = length, 0, 0

    def __iter__(self) -> Iterator[Any]:
        while self.at < self.length:
            self.at += 1
            self.read += 1
            yield torch.tensor([self.at - 1, random.random(), torch.rand(()).item()], dtype=torch.float64)
        self.at = 0

    def __len__(self) -> int:  # has one, and can still be read only in its order
        return self.length

    def state_dict(self) -> dict[str, int]:
        return {"at": self.at}

    def load_state_dict(self, told: dict[str, int]) -> None:
        self.at = told["at"]


def test_a_stream_that_tells_its_place_goes_on_there():
    again = Flowing(20)

    before, after = gone_on(data.DataLoader(Flowing(20), 4), 3, epochs=2, again=data.DataLoader(again, 4))

    assert samples_of(before + after) == [*range(20), *range(20)]
    assert again.read == 28


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_that_tells_nothing_is_read_again_with_the_same_noise(workers: int):
    class Silent(data.IterableDataset):
        def __iter__(self) -> Iterator[Any]:
            info = data.get_worker_info()
            for at in range(info.id if info else 0, 20, info.num_workers if info else 1):
                yield torch.tensor([at, random.random(), 0], dtype=torch.float64)

    torch.manual_seed(2)
    loader = data.DataLoader(Silent(), 2, num_workers=workers)
    whole = list(attempt().run(loader, 1))
    torch.manual_seed(2)

    with pytest.warns(CheckpointWarning, match="4 batches are read and passed over"):
        before, after = gone_on(loader, 4)

    assert samples_of(before + after) == samples_of(whole)
    if workers:  # they drew by themselves, all along
        assert torch.equal(torch.cat(before + after), torch.cat(whole))


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("steps", [1, 4, 5, 7])
def test_torchdatas_loader_goes_on_as_if_nothing_had_been(workers: int, steps: int):
    loading = pytest.importorskip("torchdata.stateful_dataloader")

    def made() -> Any:
        generator = torch.Generator().manual_seed(8)
        return loading.StatefulDataLoader(Numbers(20), 4, shuffle=True, num_workers=workers, generator=generator)

    whole = samples_of(list(attempt().run(made(), 2)))
    before, after = gone_on(made(), steps, epochs=2, again=made())

    assert samples_of(before + after) == whole
    assert Counter(whole).most_common(1)[0][1] == 2


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")
@pytest.mark.parametrize("steps", [1, 4, 5, 7])
def test_torchdatas_loader_of_a_stream_goes_on_by_its_own_account(steps: int):
    loading = pytest.importorskip("torchdata.stateful_dataloader")
    again = Flowing(20)

    before, after = gone_on(
        loading.StatefulDataLoader(Flowing(20), 4), steps, epochs=2, again=loading.StatefulDataLoader(again, 4)
    )

    assert samples_of(before + after) == [*range(20), *range(20)]
    assert again.read == 40 - 4 * steps


def test_two_loaders_are_read_together_by_a_function():
    def both() -> Any:
        return zip(
            data.DataLoader(Numbers(12), 4, shuffle=True), data.DataLoader(Numbers(6), 2, shuffle=True), strict=True
        )

    torch.manual_seed(6)
    whole = [(samples_of([a]), samples_of([b])) for a, b in attempt().run(both, 1)]
    torch.manual_seed(6)

    with pytest.warns(CheckpointWarning, match="1 batches are read"):
        before, after = gone_on(both, 1)

    assert [(samples_of([a]), samples_of([b])) for a, b in before + after] == whole


def test_a_stop_in_mid_epoch_leaves_no_worker_behind(tmp_path: Path):
    loader = data.DataLoader(Numbers(40), 2, num_workers=2)
    reading = attempt()

    for _ in reading.run(loader, 1):
        break
    after = samples_of(list(attempt().run(loader, 1)))

    assert after == list(range(40))
    assert torch.multiprocessing.active_children() == []
