"""What can be stopped now, as the mail of a budget says it: one whole reason, and what is tried first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from approvals_page import put
from budgeting import NOW, WORKSPACE, charge, days
from test_budget_check import Site

from finops.state import State

ENDPOINT = f"{WORKSPACE}/onlineEndpoints/chat"
RULES = Path(__file__).parents[1] / "janitor"


def told(tmp_path: Path, why: str, **more: object) -> str:
    site = Site(tmp_path, "{all: 100}")
    site.rows = [*days("2026-11-01", "2026-11-19", "1"), charge("2026-11-05", "900", ResourceId=ENDPOINT)]
    with State.open(tmp_path / "state.db") as state:
        put(state, "found", now=NOW, resource_id=ENDPOINT, why=why, **more)
    site.check()
    body = site.mails()[0].get_body(("plain",))
    assert body is not None
    return " ".join(str(body.get_content()).split())


def rule(name: str) -> str:
    return str(json.loads((RULES / name / "rule.json").read_text("utf-8"))["why"])


def test_the_reason_is_one_whole_sentence_and_what_is_tried_first_another(tmp_path: Path):
    why = (
        "Nobody has called chat-support-prod for 24 days, mirrored traffic included, yet the machines of its "
        "2 deployments are billed by the hour. If it is needed, say so and it stays."
    )

    said = told(tmp_path, why, quiet={"action": "traffic0", "days": 7})

    assert (
        "Delete: Nobody has called chat-support-prod for 24 days, mirrored traffic included, yet the "
        "machines of its 2 deployments are billed by the hour. First its traffic is set to 0 for 7 days; if it is used "
        "in that time, everything is as before. finops janitor show 1"
    ) in said


def test_without_anything_that_is_tried_first_the_reason_stands_alone(tmp_path: Path):
    assert "Delete: It does nothing. finops janitor show 1" in told(tmp_path, "It does nothing. Say so and it stays.")


@pytest.mark.parametrize("name", sorted(file.parent.name for file in RULES.glob("*/rule.json")))
def test_the_first_sentence_of_every_rule_says_why_and_speaks_to_nobody(name: str):
    first = rule(name).partition(". ")[0]

    assert not {"if", "say"} & set(first.lower().replace(",", "").split())


def test_what_the_janitor_found_is_decided_on_the_page_where_there_is_one(tmp_path: Path):
    site = Site(tmp_path, "{all: 100}")
    page = site.settings.web.model_copy(update={"auth": "demo", "public_url": "https://finops.example"})
    site.settings = site.settings.model_copy(update={"web": page})
    site.rows = [*days("2026-11-01", "2026-11-19", "1"), charge("2026-11-05", "900", ResourceId=ENDPOINT)]
    with State.open(tmp_path / "state.db") as state:
        put(state, "found", now=NOW, resource_id=ENDPOINT)
    site.check()

    mail = site.mails()[0]
    html, text = (str(mail.get_body((kind,)).get_content()) for kind in ("html", "plain"))  # type: ignore[union-attr]
    assert 'href="https://finops.example/findings/1"' in html
    assert "https://finops.example/findings/1" in text
    assert ">janitor</span>" in html  # breaks between words only
