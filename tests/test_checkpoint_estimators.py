"""scikit-learn's partial_fit and XGBoost's rounds, restored in the middle: they learn on as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

numpy = pytest.importorskip("numpy")

from finops import checkpoint  # noqa: E402
from finops.checkpoint.estimators import Booster, Estimator  # noqa: E402
from finops.checkpoint.faults import CannotSave, Foreign  # noqa: E402

pytestmark = pytest.mark.torch  # where the packages of trainings are installed
DRAWN = numpy.random.RandomState(3)
DATA, LABELS = DRAWN.randn(60, 6), DRAWN.randint(0, 2, 60)


def saved(folder: Path, held: object) -> None:
    with checkpoint.open({"model": held}, folder, job="fit", watch=False) as ck:
        ck.save(step=1, wait=True)


def restored(folder: Path, held: object) -> None:
    with checkpoint.open({"model": held}, folder, job="fit", watch=False) as ck:
        ck.restore()


def learn(model: Any, part: int) -> None:
    some = slice(part * 20, part * 20 + 20)
    model.partial_fit(DATA[some], LABELS[some], classes=[0, 1])


def estimators() -> dict[str, Callable[[], Any]]:
    linear, nets, bayes = (
        pytest.importorskip(f"sklearn.{name}") for name in ("linear_model", "neural_network", "naive_bayes")
    )
    return {
        "linear": lambda: linear.SGDClassifier(random_state=5, average=True),
        "net": lambda: nets.MLPClassifier((4,), random_state=5),
        "bayes": lambda: bayes.GaussianNB(),
    }


@pytest.mark.parametrize("kind", ["linear", "net", "bayes"])
def test_an_estimator_learns_on_as_if_nothing_had_been(tmp_path: Path, kind: str) -> None:
    made = estimators()[kind]
    calm, again = made(), made()
    learn(calm, 0)
    learn(calm, 1)

    saved(tmp_path, Estimator(calm))
    restored(tmp_path, Estimator(again))
    learn(calm, 2)
    learn(again, 2)

    assert repr(Estimator(again).state_dict()) == repr(Estimator(calm).state_dict())
    assert again.score(DATA, LABELS) == calm.score(DATA, LABELS)


def test_trees_have_no_plain_form_and_the_message_says_how_to_pickle(tmp_path: Path) -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    forest = ensemble.RandomForestClassifier(2, random_state=5).fit(DATA, LABELS)

    with pytest.raises(CannotSave, match=r"pickle=\['model'\]"):
        saved(tmp_path, Estimator(forest))


def test_another_estimator_is_refused(tmp_path: Path) -> None:
    made = estimators()
    linear, bayes = made["linear"](), made["bayes"]()
    learn(linear, 0)
    saved(tmp_path, Estimator(linear))

    with pytest.raises(Foreign, match=r"SGDClassifier; this is a .*GaussianNB"):
        restored(tmp_path, Estimator(bayes))

    assert not hasattr(bayes, "coef_")


def test_no_class_from_elsewhere_is_made() -> None:
    made = estimators()["bayes"]()
    told = Estimator(made).state_dict()
    told["attributes"]["priors"] = {"sklearn": "subprocess:Popen", "attributes": {}}

    with pytest.raises(Foreign, match="subprocess:Popen"):
        Estimator(made).load_state_dict(told)


def test_a_booster_learns_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    data, how = xgboost.DMatrix(DATA, LABELS), {"subsample": 0.5, "seed_per_iteration": True, "nthread": 1}
    calm, again = Booster(), Booster()

    def round_of(held: Booster) -> None:
        held.booster = xgboost.train(how, data, 1, xgb_model=held.booster)

    for _ in range(4):
        round_of(calm)
    saved(tmp_path, calm)
    restored(tmp_path, again)
    for held in (calm, again):
        round_of(held)

    assert again.booster.get_dump(with_stats=True) == calm.booster.get_dump(with_stats=True)
    assert len(again.booster.get_dump()) == 5
