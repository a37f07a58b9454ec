"""Learn digits with scikit-learn, part by part, and survive evictions.

python train_sklearn.py --seconds 0.05 --every 1
"""

from __future__ import annotations

import argparse
import time

from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

from finops import checkpoint
from finops.checkpoint.estimators import Estimator


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--epochs", type=int, default=20)
    given.add_argument(
        "--seconds", type=float, default=0.0, help="How much longer each part takes, to have one to stop."
    )
    given.add_argument("--every", type=float, help="Seconds between saves, instead of what is learnt.")
    asked = given.parse_args()

    images, digits = load_digits(return_X_y=True)
    model = SGDClassifier(random_state=7, average=True)
    parts = range(0, len(images), 100)

    ck = checkpoint.open(state={"model": Estimator(model)}, every=asked.every)
    for begin in ck.run(parts, epochs=asked.epochs):
        some = slice(begin, begin + 100)
        model.partial_fit(images[some], digits[some], classes=range(10))
        time.sleep(asked.seconds)
        ck.step()

    told = ck.stats()
    print(
        f"{ck.place.step} parts, {model.score(images, digits):.4f} right; "
        f"attempt {told.attempt}, which began at part {told.restored or 0}"
    )


if __name__ == "__main__":
    main()
