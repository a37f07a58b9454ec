"""Settings: where they come from, which wins, and what is said when one is wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretStr, ValidationError

from finops.config import load
from finops.config.model import Settings
from finops.config.reading import field_of, gather, paths
from finops.config.view import rows
from finops.errors import ConfigError


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(text: str) -> Path:
    file = Path("finops.yaml")
    file.write_text(text, "utf-8")
    return file


def test_without_any_file_the_defaults_hold():
    assert load() == Settings()


def test_the_file_in_this_folder_is_read_by_itself():
    written("report: {currency: EUR}")

    assert load().report.currency == "EUR"


def test_a_variable_wins_over_a_secret_and_a_secret_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written("mail: {sender: file@x}\nreport: {organisation: file, currency: EUR}")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "mail__sender").write_text("secret@x\n")
    (secrets / "report__organisation").write_text("secret")
    (secrets / ".data").write_text("Kubernetes keeps its links so")
    monkeypatch.setenv("FINOPS_SECRETS", str(secrets))
    monkeypatch.setenv("FINOPS_MAIL__SENDER", "variable@x")

    settings = load()

    assert (settings.mail.sender, settings.report.organisation, settings.report.currency) == (
        "variable@x",
        "secret",
        "EUR",
    )


def test_money_is_an_exact_decimal():
    written("guard: {max_monthly_money: '1000.10'}")

    assert load().guard.max_monthly_money == Decimal("1000.10")


def test_a_table_keeps_the_case_and_the_dots_of_its_keys(monkeypatch: pytest.MonkeyPatch):
    written("report: {cost_centres: {CC.43: LLM Platform}}")
    assert load().report.cost_centres == {"CC.43": "LLM Platform"}

    monkeypatch.setenv("FINOPS_REPORT__COST_CENTRES", '{"CC-1": "Vision"}')
    assert load().report.cost_centres == {"CC-1": "Vision"}


def test_a_list_in_a_variable_may_be_separated_by_commas(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FINOPS_AZURE__SUBSCRIPTIONS", "s-1, s-2")

    assert load().azure.subscriptions == ["s-1", "s-2"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("guard: {max_monthly_money: 1k}", "guard.max_monthly_money is '1k' in finops.yaml"),
        (
            "report: {monthly_budget: 1000}",
            "report.monthly_budget is not a setting (in finops.yaml). Write  budgets: {all",
        ),
        ("report: {curency: USD}", "Did you mean report.currency?"),
        ("report: {currency: usd}", "report.currency is 'usd' in finops.yaml"),
        ("rebort: {currency: USD}", "rebort is not a setting (in finops.yaml). Did you mean report?"),
        ("mail: 3", "mail is 3 in finops.yaml, but it is a section. Give its keys: outbox, sender, reply_to"),
        ("azure: {endpoint: 'http://example.com'}", "no real token may go there"),
        ("azure: {endpoint: 'https://127.0.0.1:1'}", "only http://"),
        ("- a\n- b", "holds a list, not settings"),
        (
            "report:\n  a: [",
            "finops.yaml is not YAML at line 2: expected the node content, but found '<stream end>'. Mend",
        ),
        ("report: !!python/object/apply:os.system ['true']", "is not YAML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_place(text: str, says: str):
    written(text)

    with pytest.raises(ConfigError) as told:
        load()

    assert says in str(told.value)


def test_a_file_that_is_not_there_is_an_error_when_it_was_named():
    with pytest.raises(ConfigError, match=r"nowhere\.yaml cannot be read"):
        load(Path("nowhere.yaml"))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("FINOPS_DRYRUN", "1", "FINOPS_DRYRUN is not a setting"),
        ("FINOPS_REPORT__CURENCY", "USD", "Did you mean FINOPS_REPORT__CURRENCY?"),
        ("FINOPS_REPORT__COST_CENTRES__CC1", "x", "is not a setting"),
        ("FINOPS_REPORT__COST_CENTRES", "{", "which is not JSON"),
        ("FINOPS_SECRETS", "/nowhere/at/all", "secrets folder /nowhere/at/all cannot be read"),
    ],
)
def test_a_wrong_variable_is_refused_not_ignored(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str):
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigError) as told:
        load()

    assert says in str(told.value)


def test_the_first_problem_is_told_with_the_number_of_others():
    written("report: {top: 99, currency: usd}")

    with pytest.raises(ConfigError, match=r"1 more: run `finops config check`"):
        load()


class Locked(BaseModel):
    password: SecretStr = Field(description="Of the mail server.")


class WithSecret(BaseModel):
    mail: Locked


def test_a_secret_is_never_printed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FINOPS_MAIL__PASSWORD", "hunter2")

    shown = list(rows(gather(model=WithSecret), WithSecret))

    assert shown == [
        {
            "setting": "mail.password",
            "value": "**********",
            "origin": "FINOPS_MAIL__PASSWORD",
            "meaning": "Of the mail server.",
        }
    ]


def test_a_secret_of_the_wrong_kind_is_not_printed_either():
    written("mail: {password: [hunter2]}")

    (problem,) = gather(model=WithSecret, path=Path("finops.yaml")).problems

    assert "hunter2" not in problem.what + problem.fix


def test_each_origin_is_shown(monkeypatch: pytest.MonkeyPatch):
    written("report: {currency: EUR}")
    monkeypatch.setenv("FINOPS_REPORT__TOP", "5")

    origins = {row["setting"]: row["origin"] for row in rows(gather())}

    assert origins["report.currency"] == "finops.yaml"
    assert origins["report.top"] == "FINOPS_REPORT__TOP"
    assert origins["report.basis"] == "default"


def test_every_setting_says_what_it_is_for():
    silent = [path for path in paths(Settings) if not (field := field_of(Settings, path)) or not field.description]

    assert silent == []


ADDRESSES = {
    "web.public_url": lambda url: {"web": {"public_url": url}},
    "web.jwks_url": lambda url: {"web": {"jwks_url": url}},
    "daemon.events.url": lambda url: {"daemon": {"events": {"url": url}}},
    "daemon.events.jwks_url": lambda url: {"daemon": {"events": {"jwks_url": url}}},
    "daemon.ping_url": lambda url: {"daemon": {"ping_url": url}},
}


@pytest.mark.parametrize("setting", ADDRESSES)
@pytest.mark.parametrize(
    "url",
    ["http://x.example", "ftp://x.example", "https://", "//x.example", "https://me@x.example", "https://@x.example",
     "https://x.example/#part", "https://x.example:0", "https://x.example:99999", "https://[x", "https://x.example/a b",
     "https://x.example/\x7f", "https://\u00fc.example", "x.example"],
)  # fmt: skip
def test_an_address_that_others_could_read_or_that_is_none_is_refused(setting: str, url: str):
    with pytest.raises(ValidationError):
        Settings.model_validate(ADDRESSES[setting](url))


@pytest.mark.parametrize("setting", ADDRESSES)
@pytest.mark.parametrize("url", ["https://x.example:8443", "http://127.0.0.1:8000", "http://[::1]:8000"])
def test_an_address_that_is_safe_is_taken(setting: str, url: str):
    Settings.model_validate(ADDRESSES[setting](url))


@pytest.mark.parametrize("section", ["janitor", "daemon"])
@pytest.mark.parametrize(("zone", "fits"), [("Europe/Berlin", True), ("Mars/Olympus", False), ("../../etc", False)])
def test_a_time_zone_is_one_that_there_is(section: str, zone: str, fits: bool):
    settings = {section: {"time_zone": zone}}

    if fits:
        assert getattr(Settings.model_validate(settings), section).time_zone == zone
    else:
        with pytest.raises(ValidationError, match="is no time zone"):
            Settings.model_validate(settings)
