"""The page of a plan: one file that loads nothing, says what the plan says, and fits phones, in light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from browsing import axe, chromium
from click.testing import CliRunner, Result
from storing import rule, storage_estate
from tier_estates import reported
from tier_inventories import FIELDS, blob
from tier_rulesets import plan_of, storage

from finops.cli import cli
from finops.cli.tier_lines import money
from finops.cli.tier_page import page
from finops.simulator import serving
from finops.simulator.serve import Served
from finops.tiering.plan import TierPlan

NASTY = 'odd/a "quoted", <b>bold\x1b[31m\n🦊 & co/'
OLD = [blob(f"data/old/{n}", 2**36 + n, 600 + 10 * n) for n in range(30)]
ROWS = [
    *OLD,
    *[blob(f"{NASTY}{n}", 2**35, 900) for n in range(30)],
    *[blob(f"runs/new/{n}", 2**33, 40, n % 4) for n in range(30)],
    *[blob(f"runs/leased/{n}", 2**33, 40, LeaseState="leased") for n in range(3)],
]
UNREAD = tuple(name for name in FIELDS if name != "LastAccessTime")
RETURNS = {"rules": [rule("keep-hot", ["data/"], tierToHot={"daysAfterCreationGreaterThan": 1})]}


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TierPlan]:
    place = tmp_path_factory.mktemp("plans")
    return {
        "moves": plan_of(place / "moves", ROWS),
        "refused": plan_of(place / "refused", ROWS, RETURNS),
        "stays": plan_of(place / "stays", [blob("data/a", 2**20, 3, 1)]),
        "unread": plan_of(place / "unread", ROWS, account=storage(tracking=False), fields=UNREAD),
        "unresolved": plan_of(place / "unresolved", OLD, unresolved=["The job train-<1> reads azureml://x."]),
        "none": plan_of(place / "none", []),
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


def text(made: TierPlan) -> str:
    found = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page(made), flags=re.DOTALL)
    return " ".join(found.split())


def test_an_empty_blob_is_moved_or_not_considered_and_never_both(tmp_path: Path):
    empty = [blob(f"{place}/empty-{n}", 0, 900) for place in ("data/old", "data", "new") for n in range(3)]

    made = plan_of(tmp_path, [*OLD, *empty, blob("new/a", 2**20, 3, 1)])

    aside = {each.reason: each.blobs for each in made.aside}
    assert made.moved_blobs > len(OLD)
    assert made.moved_blobs + aside["empty"] == len(OLD) + len(empty)


def test_the_verdict_says_what_is_saved(plans: dict[str, TierPlan]):
    made = plans["moves"]

    assert f"training can be kept for {made.month:,.2f} USD less a month" in page(made)


def test_what_archives_says_so_beside_the_verdict(plans: dict[str, TierPlan]):
    archives, does_not = text(plans["moves"]), text(plans["unresolved"])

    badge = "Plan: it archives and needs an approval"
    assert badge in archives
    assert badge not in does_not


def test_an_amount_that_is_less_than_a_cent_is_not_nothing(plans: dict[str, TierPlan]):
    made = plans["moves"]

    assert [money(Decimal(amount), made) for amount in ("0.0033", "0", "0.01", "-7")] == [
        "under 0.01 USD", "0.00 USD", "0.01 USD", "-7.00 USD",
    ]  # fmt: skip


def test_a_plan_that_is_refused_says_so_first_and_why(plans: dict[str, TierPlan]):
    said = text(plans["refused"])

    assert (
        said.index("must not be put into force") < said.index("brings to Hot what ours cools") < said.index("What it")
    )


def test_a_plan_that_moves_nothing_says_so(plans: dict[str, TierPlan]):
    said = text(plans["stays"])

    assert "Nothing is to be moved in training" in said
    assert "No rule would save more than it costs" in said
    assert "What moves" not in said


def test_what_is_not_known_is_not_told(plans: dict[str, TierPlan]):
    said = text(plans["unread"])

    assert "Reads are not recorded: what they cost is not known" in said
    assert "If never read" in said
    assert not any(word in said for word in ("Of the optimum", "Reads add", "confidence", "; saves"))


def test_every_rule_prefix_and_reason_is_on_the_page(plans: dict[str, TierPlan]):
    made = plans["moves"]
    said = text(made)

    assert all(rule.name in said for rule in made.rules)
    assert all(each.reason in said for each in made.aside)
    assert made.fingerprint in said


def test_what_may_read_the_blobs_is_named_where_nothing_is_archived(plans: dict[str, TierPlan]):
    assert "The job train-&lt;1&gt; reads azureml://x." in text(plans["unresolved"])


def test_names_of_blobs_are_no_markup_and_move_no_cursor(plans: dict[str, TierPlan]):
    made = plans["moves"]
    assert any("<b>" in prefix for rule in made.rules for prefix in rule.prefixes)

    written = page(made)

    assert "<b>" not in written
    assert "&lt;b&gt;bold" in written
    assert "\x1b" not in written
    assert "🦊" in written


@pytest.mark.parametrize("kind", ["moves", "refused", "stays", "unread", "none"])
def test_the_page_loads_nothing_and_runs_nothing(plans: dict[str, TierPlan], kind: str):
    written = page(plans[kind])

    assert not re.search(r"<script|<link|\bsrc=|\bhref=|@import|url\(|\bon\w+=|\bstyle=", written)


@pytest.mark.parametrize("kind", ["moves", "refused", "stays", "unread", "none"])
def test_the_page_never_scrolls_sideways(plans: dict[str, TierPlan], browser: Any, kind: str):
    view = browser.new_page()
    view.set_content(page(plans[kind]))
    view.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    wide = {}
    for width in (320, 375, 600, 1100):
        view.set_viewport_size({"width": width, "height": 800})
        wide[width] = view.evaluate("document.documentElement.scrollWidth")
    view.close()

    assert {width: found for width, found in wide.items() if found > width} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["moves", "refused", "unread"])
def test_axe_finds_nothing_wrong(plans: dict[str, TierPlan], browser: Any, kind: str, scheme: str):
    view = browser.new_page(color_scheme=scheme)
    view.set_content(page(plans[kind]))
    view.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")

    found = axe(view)

    view.close()
    assert found == []


def test_words_of_a_line_do_not_run_into_one_another_on_a_phone(plans: dict[str, TierPlan], browser: Any):
    view = browser.new_page(viewport={"width": 320, "height": 800})
    view.set_content(page(plans["moves"]))

    boxes = view.evaluate(
        "[...document.querySelectorAll('.drawing text')].map(each => each.getBoundingClientRect()).map("
        "each => [each.left, each.right, each.top])"
    )

    view.close()
    pairs = zip(boxes[::2], boxes[1::2], strict=True)
    assert all(left[1] < right[0] for left, right in pairs)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(storage_estate(tmp_path_factory.mktemp("estate") / "estate")) as found:
        yield found


@pytest.fixture(scope="module")
def inventory(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reported(served, tmp_path_factory.mktemp("inventory"))


def run(served: Served, *arguments: object) -> Result:
    return CliRunner().invoke(cli, ["tier", "plan", *map(str, arguments), "--azure", served.url])


def test_the_command_writes_the_page_beside_what_it_prints(served: Served, inventory: Path, tmp_path: Path):
    result = run(served, "--inventory", inventory, "--page", tmp_path / "new" / "plan.html")

    assert result.exit_code == 0, result.output
    assert "Saves a month" in result.stdout
    assert "datalake can be kept for" in (tmp_path / "new" / "plan.html").read_text("utf-8")


def test_a_page_that_cannot_be_written_is_an_error_of_use(served: Served, inventory: Path, tmp_path: Path):
    (tmp_path / "taken").write_text("a file, no folder", "utf-8")

    result = run(served, "--inventory", inventory, "--page", tmp_path / "taken" / "plan.html")

    assert (result.exit_code, "cannot be written" in result.stderr) == (2, True), result.output
