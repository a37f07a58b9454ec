"""A training of plain Python for rehearsals: a walk whose every step depends on all before it and on random numbers.

python small_loop.py STEPS SECONDS_A_STEP [EPOCHS] [--naive FILE] [--forgets] [--result FILE]
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

from finops import checkpoint

given = argparse.ArgumentParser()
given.add_argument("steps", type=int)
given.add_argument("seconds", type=float)
given.add_argument("epochs", type=int, nargs="?", default=2)
given.add_argument("--forgets", action="store_true", help="State that is not given to the checkpoint.")
given.add_argument("--result", type=Path)
given.add_argument("--folder")
asked = given.parse_args()

random.seed(7)
walk = {"at": 0.0, "seen": [0] * asked.steps}
state = {} if asked.forgets else {"walk": walk}
with checkpoint.open(state=state, folder=asked.folder) as ck:
    for item in ck.run(range(asked.steps), epochs=asked.epochs):
        walk["at"] = walk["at"] * 0.9 + random.random() * item
        walk["seen"][item] += 1
        time.sleep(asked.seconds)
        ck.step(loss=walk["at"])
if asked.result:
    asked.result.write_text(json.dumps(walk))
