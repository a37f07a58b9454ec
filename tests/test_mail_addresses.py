"""Addresses: checked where they are written, and owners that tags name are mailed at our domains only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finops.config.model import Settings
from finops.config.people import may_tell
from finops.config.reading import gather

WRONG = [
    "jörg@x.example",
    "a@b; c@d",
    "a@b,c@d",
    "two words@x.example",
    "a@",
    "a@@b.example",
    "=?utf-8?q?a?=@x.example",
]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(
    "where",
    [
        {"mail": {"finance": ["{}"]}},
        {"mail": {"reply_to": "{}"}},
        {"budgets": {"all": {"amount": 1000, "to": ["ok@x.example", "{}"]}}},
        {"budgets": {"all": {"amount": 1000, "escalate": {"to": "{}"}}}},
        {"watch": {"to": "{}"}},
        {"anomalies": {"to": ["{}"]}},
        {"guard": {"admins": ["{}"]}},
        {"janitor": {"approvers": {"/": ["{}"]}}},
        {"report": {"audiences": {"CC-1": ["{}"]}}},
    ],
)
def test_an_address_that_no_mail_can_be_written_to_is_refused_with_the_settings(
    tmp_path: Path, where: dict[str, Any], wrong: str
):
    file = tmp_path / "finops.yaml"
    file.write_text(json.dumps(where).replace("{}", wrong), "utf-8")

    assert "is not a mail address" in str(gather(file).problems)


def test_addresses_of_every_kind_that_mail_takes_are_taken():
    finance = ["finance@localhost", "o'neil+cost@sub.contoso.com", "kasse@bücher.example"]

    assert Settings.model_validate({"mail": {"finance": finance}}).mail.finance == finance


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ana@contoso.com", True),
        ("ana@ML.Contoso.com", True),
        ("ben@fabrikam.example", True),
        ("ana@contoso.com.evil.example", False),
        ("ana@evilcontoso.com", False),
        ("jörg@contoso.com", False),
        ("a@b; c@contoso.com", False),
    ],
)
def test_owners_that_tags_name_are_told_at_the_domains_of_those_whom_the_settings_name(address: str, told: bool):
    settings = Settings.model_validate(
        {"mail": {"finance": ["finance@contoso.com"]}, "budgets": {"all": {"amount": 1, "to": "x@fabrikam.example"}}}
    )

    assert may_tell(settings, address) is told


def test_a_list_of_domains_takes_the_place_of_those_of_people():
    mail = {"finance": ["finance@contoso.com"], "owner_domains": ["@Labs.example", "bücher.example"]}
    settings = Settings.model_validate({"mail": mail})

    assert [may_tell(settings, one) for one in ("a@contoso.com", "a@labs.example", "a@xn--bcher-kva.example")] == [
        False,
        True,
        True,
    ]


def test_a_star_takes_owners_of_any_domain():
    assert may_tell(Settings.model_validate({"mail": {"owner_domains": ["*"]}}), "a@anywhere.example")


def test_a_domain_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"is not a mail address|is no domain"):
        Settings.model_validate({"mail": {"owner_domains": ["con toso"]}})
