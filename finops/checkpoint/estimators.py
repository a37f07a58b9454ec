"""Estimators of scikit-learn and boosters of XGBoost as plain state: nothing is pickled, nor run on the way back.

model = SGDClassifier()
ck = checkpoint.open(state={"model": Estimator(model)})
for batch in ck.run(batches, epochs=5):
    model.partial_fit(*batch, classes=classes)
    ck.step()

held = Booster()
ck = checkpoint.open(state={"model": held})
for _ in ck.run(range(500)):
    held.booster = xgboost.train(params, data, 1, xgb_model=held.booster)
    ck.step()
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from finops.checkpoint.faults import Foreign

CLASS, ATTRIBUTES, RANDOM = "sklearn", "attributes", "RandomState"
# What partial_fit makes anew each time, in Cython (scikit-learn 1.0 to 1.9: linear_model/_stochastic_gradient.py).
MADE_ANEW = {"_loss_function_", "loss_function_"}
DEEPEST = 20  # levels; Birch has a tree that points back at itself


class Estimator:
    """What partial_fit has learnt, given back to the same object.

    What it makes on its way, such as the optimizer of an MLP, is told by the name of its class, which has to be
    scikit-learn's own. State of one version is for that version.

    What holds trees has no plain form (`CannotSave`): allow pickle for it by name, and go on with ck.state["model"].
    """

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator

    def state_dict(self) -> dict[str, Any]:
        told: dict[str, Any] = _told(self._estimator)
        return told

    def load_state_dict(self, told: Mapping[str, Any]) -> None:
        ours = _name_of(self._estimator)
        if told.get(CLASS) != ours:
            raise Foreign(
                f"What was saved is a {told.get(CLASS)}; this is a {ours}.",
                "Go on with the one that it was saved with, or name another folder.",
            )
        made = {name: _made(one) for name, one in told[ATTRIBUTES].items()}
        vars(self._estimator).clear()
        vars(self._estimator).update(made)


class Booster:
    """A booster of XGBoost, made anew where it is restored. booster: None before the first round.

    XGBoost saves no state of its random numbers: with subsample, say seed_per_iteration=True for the same trees again.
    """

    def __init__(self, booster: Any = None) -> None:
        self.booster = booster

    def state_dict(self) -> dict[str, Any]:
        return {"ubj": None if self.booster is None else bytes(self.booster.save_raw("ubj"))}

    def load_state_dict(self, told: Mapping[str, Any]) -> None:
        xgboost = importlib.import_module("xgboost")
        self.booster = None if told["ubj"] is None else xgboost.Booster(model_file=bytearray(told["ubj"]))


def _told(thing: Any, level: int = 0) -> Any:
    """What it cannot tell it leaves as it is: saving names it then."""
    import numpy

    if isinstance(thing, numpy.random.RandomState):
        return {RANDOM: thing.get_state()}
    if level == DEEPEST:
        return thing
    if type(thing).__module__.startswith("sklearn.") and hasattr(thing, "__dict__"):
        kept = {name: one for name, one in vars(thing).items() if name not in MADE_ANEW}
        return {CLASS: _name_of(thing), ATTRIBUTES: {name: _told(one, level + 1) for name, one in kept.items()}}
    if type(thing) in (list, tuple):
        return type(thing)(_told(one, level + 1) for one in thing)
    if type(thing) is dict:
        return {key: _told(one, level + 1) for key, one in thing.items()}
    return thing


def _made(told: Any) -> Any:
    import numpy

    if type(told) is dict and told.keys() == {RANDOM}:
        random = numpy.random.RandomState()
        random.set_state(told[RANDOM])
        return random
    if type(told) is dict and told.keys() == {CLASS, ATTRIBUTES}:
        made = object.__new__(_class_of(told[CLASS]))
        made.__dict__.update({name: _made(one) for name, one in told[ATTRIBUTES].items()})
        return made
    if type(told) in (list, tuple):
        return type(told)(_made(one) for one in told)
    if type(told) is dict:
        return {key: _made(one) for key, one in told.items()}
    return told


def _name_of(thing: object) -> str:
    return f"{type(thing).__module__}:{type(thing).__qualname__}"


def _class_of(name: str) -> Any:
    module, _, called = name.partition(":")
    found = getattr(importlib.import_module(module), called, None) if module.startswith("sklearn.") else None
    if not isinstance(found, type):
        raise Foreign(f"What was saved holds a {name}, which is not here.", "Install the scikit-learn it was saved by.")
    return found
