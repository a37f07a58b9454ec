"""Whatever the files of people and of Azure hold: what reads them gives an answer, or one error with what to do."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finops import charges, exemptions
from finops.charges import manifest
from finops.config.reading import gather, load
from finops.errors import FinopsError
from finops.estate import folder as estate
from finops.janitor import reading as rules
from finops.policy import content as policies
from finops.policy.cases import read_case
from finops.state.audit import noted

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
ROOT = Path(__file__).parent.parent.parent
RULE = json.loads((ROOT / "janitor/endpoint-without-deployments/rule.json").read_text("utf-8"))
POLICY = json.loads((ROOT / "policies/clusters-scale-to-zero/azurepolicy.json").read_text("utf-8"))
FOCUS = (
    "BilledCost,EffectiveCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ResourceId,"
    "SubAccountId,Tags\n1.5,1.5,USD,2026-09-01,2026-09-02,Usage,Azure ML,/subscriptions/s/x,/subscriptions/s,{}\n"
)
LEAF = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=20)
ANY = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read(how: Callable[[Path], Any], name: str, content: bytes) -> None:
    """Read a file of that name: any answer will do, and so will any error of ours that says what to do."""
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / name
        file.write_bytes(content)
        told: FinopsError | None = None
        try:
            how(file)
        except FinopsError as fault:
            told = fault
        assert told is None or (told.what and told.fix)


def bent(whole: Any, where: list[int], put: Any) -> Any:
    """`whole` with something else in one place, found by going down."""
    found = copy.deepcopy(whole)
    inner = found
    for step in where:
        keys = list(inner) if isinstance(inner, dict) else list(range(len(inner))) if isinstance(inner, list) else []
        if not keys:
            break
        key = keys[step % len(keys)]
        if not isinstance(inner[key], (dict, list)) or step % 3 == 0:
            inner[key] = put
            break
        inner = inner[key]
    return found


BENT = st.tuples(st.lists(st.integers(0, 30), min_size=1, max_size=6), ANY)


@FEW
@given(
    st.binary(max_size=300)
    | ANY.map(lambda value: yaml.safe_dump(value, allow_unicode=True).encode("utf-8", "replace"))
)
def test_settings(content: bytes):
    read(load, "finops.yaml", content)


@FEW
@given(st.sampled_from(["guard", "janitor", "budgets", "mail", "azure", "daemon", "state", "charges", "tiering"]), ANY)
def test_sections_of_settings(section: str, value: Any):
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "finops.yaml"
        file.write_text(json.dumps({section: value}), "utf-8")
        for problem in gather(file).problems:
            assert problem.what


@FEW
@given(BENT)
def test_waste_rules(how: tuple[list[int], Any]):
    read(rules.read, "rule.json", json.dumps(bent(RULE, *how)).encode())


@FEW
@given(BENT)
def test_policies(how: tuple[list[int], Any]):
    read(lambda file: policies.read(file.parent), "azurepolicy.json", json.dumps(bent(POLICY, *how)).encode())


@FEW
@given(st.binary(max_size=200) | ANY.map(lambda value: json.dumps(value).encode()))
@pytest.mark.parametrize(
    ("how", "name"),
    [
        (rules.read, "rule.json"),
        (lambda file: policies.read(file.parent), "azurepolicy.json"),
        (read_case, "cluster-deny.json"),
        (manifest.read, "manifest.json"),
        (lambda file: estate.stamp(file.parent), "estate.json"),
        (lambda file: list(estate.lines(file)), "resources.jsonl"),
        (lambda file: exemptions.by_file(file, NOW, 90), "exemptions.yaml"),
    ],
    ids=["rule", "policy", "case", "manifest", "estate", "lines", "exemptions"],
)
def test_any_bytes_and_any_json(how: Callable[[Path], Any], name: str, content: bytes):
    read(how, name, content)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200) | st.tuples(st.integers(0, len(FOCUS)), st.text(max_size=10)).map(
    lambda cut: (FOCUS[: cut[0]] + cut[1] + FOCUS[cut[0] :]).encode("utf-8", "replace")
))  # fmt: skip
def test_charges(content: bytes):
    def total(file: Path) -> None:
        with charges.load([file]) as book:
            for currency in book.currencies:
                book.total(currency=currency)

    read(total, "charges.csv", content)


@FEW
@given(st.text(max_size=300))
def test_the_foot_of_a_mail(text: str):
    found = noted(text)

    assert found is None or found in text
