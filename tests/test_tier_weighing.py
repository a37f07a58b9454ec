"""What given rules move, weighed blob by blob: the figures of a plan, for the rules of another day."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tier_inventories import ACCOUNT, blob
from tier_prices import AUTUMN, price_list, sample_rates
from tier_rulesets import optimum_of

from finops.tiering.model import Protected, Rates
from finops.tiering.rates import rates
from finops.tiering.rules import compress
from finops.tiering.weighing import weigh

LARGE = [blob(f"data/x/{n}", 2**32, 900) for n in range(20)]
COOL = [blob(f"data/y/{n}", 2**32, 800, AccessTier="Cool", AccessTierInferred=False) for n in range(20)]
EMPTY = [blob(f"data/x/empty-{n}", 0, 900) for n in range(2000)]
NEW = rates(price_list(), "westus", "LRS", False, AUTUMN, created=datetime(2026, 9, 1, tzinfo=UTC))


@pytest.mark.parametrize("of", [sample_rates(), NEW], ids=["no least size", "a least size"])
@pytest.mark.parametrize("rows", [LARGE, [*LARGE, *COOL], [*LARGE, *EMPTY]], ids=["large", "two tiers", "empty"])
def test_the_rules_of_the_day_come_to_what_its_plan_says(tmp_path: Path, rows: list[dict[str, Any]], of: Rates):
    found = optimum_of(tmp_path, rows, rates=of)
    plan = compress(found, of, ACCOUNT)

    weighed = weigh(found, of, plan.rules)

    assert weighed is not None
    assert plan.moves
    told = {(one.before, one.after): one for one in weighed.moves}
    for move in plan.moves:
        other = told[move.before, move.after]
        assert (other.blobs, other.bytes) == (move.blobs, move.bytes)
        for name in ("month", "once", "reads", "net", "worst"):
            assert getattr(other, name) == pytest.approx(getattr(move, name), abs=Decimal("0.0001")), name


def test_what_is_protected_is_not_weighed(tmp_path: Path):
    found = optimum_of(tmp_path, [*LARGE, *COOL], [Protected("data", "y/", "a job reads it", "test")])
    of = sample_rates()

    weighed = weigh(found, of, compress(found, of, ACCOUNT).rules)

    assert weighed is not None
    assert weighed.bytes == sum(one["Content-Length"] for one in LARGE)
