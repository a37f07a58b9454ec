"""The main path, from Azure over HTTP to the mail: the figures are right, and what is missing is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from finops import jobs
from finops.charges import Period
from finops.cloud import connect
from finops.config.model import AzureSettings, ChargesSettings, MailSettings, ReportSettings, Settings, StateSettings
from finops.errors import DataError, TemporaryError
from finops.jobs import Weekly
from finops.simulator import Served, serving


def settings_for(folder: Path, url: str) -> Settings:
    return Settings(
        azure=AzureSettings(endpoint=url, call_deadline_seconds=20),
        charges=ChargesSettings(store=folder / "charges"),
        report=ReportSettings(organisation="Contoso"),
        mail=MailSettings(outbox=folder / "outbox"),
        state=StateSettings(url=str(folder / "state.db")),
    )


@contextmanager
def weekly_run(estate: Path, folder: Path, *faults: dict[str, Any], **how: Any) -> Iterator[tuple[Weekly, Served]]:
    with serving(estate, faults=list(faults), **how) as server:
        settings = settings_for(folder, server.url)
        with connect(settings.azure) as azure:
            yield jobs.weekly_report(azure, settings, server.world.clock.now()), server


def billed(server: Served, period: Period, subscription: str = "") -> Decimal:
    """EffectiveCost of `period` as the simulator's own ledger has it, without any of the engine's code."""
    rows = server.world.charges.published(server.world.clock.now())
    columns = rows.select(["ChargePeriodStart", "EffectiveCost", "SubAccountId"]).to_pylist()
    return sum(
        (
            row["EffectiveCost"]
            for row in columns
            if period.start <= row["ChargePeriodStart"] < period.end and subscription in row["SubAccountId"].lower()
        ),
        Decimal(0),
    )


@pytest.fixture(scope="module")
def told(small_estate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Weekly, Served]]:
    with weekly_run(small_estate, tmp_path_factory.mktemp("told")) as found:
        yield found


def test_the_total_is_what_the_estate_cost_to_the_last_digit(told: tuple[Weekly, Served]):
    weekly, server = told
    figures = weekly.made.figures

    assert figures.total.cost.amount == billed(server, figures.period)
    assert figures.before
    assert figures.total.before
    assert figures.total.before.amount == billed(server, figures.before)


@pytest.mark.parametrize("table", ["by_cost_centre", "by_service"])
def test_the_parts_of_each_table_add_up_to_the_whole(told: tuple[Weekly, Served], table: str):
    figures = told[0].made.figures
    lines = getattr(figures, table).all

    assert sum(line.cost.amount for line in lines) == figures.total.cost.amount
    assert sum(line.shown_cost.amount for line in getattr(figures, table).rows) == figures.total.shown_cost.amount


def test_a_whole_estate_is_said_to_be_whole(told: tuple[Weekly, Served]):
    weekly, _ = told

    assert weekly.estate.complete
    assert weekly.made.figures.completeness.is_whole


def test_the_mail_holds_the_report(told: tuple[Weekly, Served]):
    weekly, _ = told

    mail = message_from_bytes(weekly.mail.read_bytes(), policy=default)

    assert mail["Subject"] == weekly.made.forms.subject
    assert [part.get_content_type() for part in mail.walk() if not part.is_multipart()] == [
        "text/plain",
        "text/html",
        "image/png",
        "image/png",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ]


def test_the_same_run_again_leaves_no_second_mail(small_estate: Path, tmp_path: Path):
    with weekly_run(small_estate, tmp_path) as (first, _):
        pass
    with weekly_run(small_estate, tmp_path) as (second, _):
        pass

    assert (first.sent, second.sent) == (True, False)
    assert len(list((tmp_path / "outbox").iterdir())) == 1


def test_nothing_is_changed_in_azure(told: tuple[Weekly, Served]):
    _, server = told
    changing = [
        (one["method"], one["path"])
        for one in server.requests
        if one["method"] != "GET"
        and not any(asks in one["path"].lower() for asks in ("/query", "/resources", "listnodes", "getbatch"))
    ]

    assert changing == []


def sandbox(server: Served) -> str:
    [found] = [
        body["subscriptionId"]
        for body in server.world.resources.of_type("subscriptions")
        if "Sandbox" in body["displayName"]
    ]
    return str(found)


def test_a_subscription_that_refuses_is_named_and_the_others_stay_exact(small_estate: Path, tmp_path: Path):
    with serving(small_estate) as server:
        refused = sandbox(server)
    rule = {"fault": "403", "path": f"/subscriptions/{refused}/providers/Microsoft.CostManagement"}

    with weekly_run(small_estate, tmp_path, rule) as (weekly, server):
        figures = weekly.made.figures
        rest = billed(server, figures.period) - billed(server, figures.period, refused)

    assert figures.total.cost.amount == rest
    assert not figures.completeness.is_whole
    assert any(refused in gap.scope for gap in figures.completeness.gaps)
    assert "incomplete" in weekly.made.forms.subject.lower()
    assert "Contoso AI Sandbox is missing: no permission" in weekly.made.forms.text


def test_a_throttled_query_is_waited_for(small_estate: Path, tmp_path: Path):
    rule = {"fault": "429-qpu", "path": "CostManagement/query", "times": 2, "seconds": 1}

    with weekly_run(small_estate, tmp_path, rule) as (weekly, server):
        assert weekly.made.figures.total.cost.amount == billed(server, weekly.made.figures.period)
        assert [one["status"] for one in server.requests].count(429) == 2


def test_every_page_of_a_long_answer_counts(small_estate: Path, tmp_path: Path):
    with weekly_run(small_estate, tmp_path, page_size=100) as (weekly, server):
        assert weekly.made.figures.total.cost.amount == billed(server, weekly.made.figures.period)
        assert any("skiptoken" in str(one).lower() for one in server.requests)


@pytest.mark.parametrize(
    "fault", ["negative-number", "duplicate-rows", "empty-object", "renamed-column", "missing-value"]
)
def test_an_answer_that_does_not_add_up_is_a_gap_not_a_figure(small_estate: Path, tmp_path: Path, fault: str):
    with serving(small_estate) as server:
        broken = sandbox(server)
    rule = {"fault": fault, "path": f"/subscriptions/{broken}/.*CostManagement/query", "body": "ServiceName"}

    with weekly_run(small_estate, tmp_path, rule) as (weekly, _):
        pass

    assert not weekly.made.figures.completeness.is_whole
    assert any(broken in gap.scope for gap in weekly.made.figures.completeness.gaps)


def test_without_any_charges_there_is_no_report_of_zero(small_estate: Path, tmp_path: Path):
    with (
        pytest.raises(DataError, match="No subscription could be read"),
        weekly_run(small_estate, tmp_path, {"fault": "403", "path": "Microsoft.CostManagement"}),
    ):
        pass

    assert not (tmp_path / "outbox").exists()


def test_an_azure_that_is_not_there_is_temporary(small_estate: Path, tmp_path: Path):
    with serving(small_estate) as server:
        gone = server.url
    settings = settings_for(tmp_path, gone).model_copy(
        update={"azure": AzureSettings(endpoint=gone, call_deadline_seconds=1)}
    )

    with connect(settings.azure) as azure, pytest.raises(TemporaryError):
        jobs.weekly_report(azure, settings, server.world.clock.now())


def test_readers_of_one_cost_centre_get_its_share_and_a_name_that_nobody_bears_is_said(
    small_estate: Path, tmp_path: Path
):
    with serving(small_estate) as server:
        settings = settings_for(tmp_path, server.url)
        audiences = {"VISION": ["v@b.example"], "CC-99": ["x@b.example"]}
        settings = settings.model_copy(update={"report": settings.report.model_copy(update={"audiences": audiences})})
        with connect(settings.azure) as azure:
            weekly = jobs.weekly_report(azure, settings, server.world.clock.now())

    [(made, _, sent)] = weekly.shares
    assert (made.figures.audience.key, made.figures.audience.recipients, sent) == ("vision", ("v@b.example",), True)
    [line] = [line for line in weekly.made.figures.by_cost_centre.all if line.key == "vision"]
    assert made.figures.total.cost == line.cost
    assert any("CC-99 gets no report" in remark for remark in weekly.made.figures.remarks)


def test_charges_that_are_exported_are_read_and_cost_management_is_not_asked(small_estate: Path, tmp_path: Path):
    with serving(small_estate) as server:
        given = settings_for(tmp_path, server.url)
        sources = ChargesSettings(store=tmp_path / "charges", sources=[str(small_estate / "charges")])
        settings = given.model_copy(update={"charges": sources})
        with connect(settings.azure) as azure:
            weekly = jobs.weekly_report(azure, settings, server.world.clock.now())

        asked = [one for one in server.app.requests if one["path"].endswith("/Microsoft.CostManagement/query")]

    assert asked == []
    assert weekly.made.figures.units
    assert weekly.made.figures.units.gpu_hours
