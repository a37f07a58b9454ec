"""One cost centre's share: only its own, and all shares together are the whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from report_data import NOW, book, charge, daily, hours, report_of

from finops.charges import Period
from finops.config.model import ReportSettings, Settings
from finops.exemptions import Exemption, Listed
from finops.jobs import make, message
from finops.report import Claim, build, render
from finops.report.known import Known, NodeHours, Request, Verdicts, Work
from finops.report.model import UNTAGGED, Report

CENTRES = ["CC-1", "CC-2", UNTAGGED]
SPAN = ("2026-10-01", "2026-11-22")
ROWS = [
    *daily(*SPAN, "CC-1", "10.37", "one", **hours("3")),
    *daily("2026-11-15", "2026-11-22", "CC-1", "4.01", "young", **hours("1")),
    *daily(*SPAN, "CC-2", "20.11", "two", billed="0", CommitmentDiscountType="Reservation", **hours("7")),
    *daily(*SPAN, None, "3.17", "nobody"),
    *daily("2026-10-01", "2026-11-10", "CC-1", "6", "cut"),
    charge("2026-11-16", "CC-2", "0", "order", billed="77", ChargeCategory="Purchase"),
]


def the_id(resource: str) -> str:
    return f"/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/{resource}"


def claim(number: int, resource: str, stage: Any, saving: str) -> Claim:
    since = datetime(2026, 11, 10, tzinfo=UTC) if stage == "done" else None
    return Claim(
        number, stage, the_id(resource), resource, "vm", "g", "rule", "delete", "deleted", Decimal(saving), None, "USD",
        since=since,
    )  # fmt: skip


KNOWN = Known(
    claims=(
        claim(1, "cut", "done", "30"),
        claim(2, "two", "found", "40"),
        claim(3, "nobody", "found", "50"),
        claim(4, "unheard-of", "decided", "60"),
        replace(claim(5, "one", "found", "9"), rule="guard/spot"),
    ),
    requests=tuple(
        Request(n, name, Decimal(saving), "USD", "", None, the_id(name))
        for n, name, saving in ((1, "one", 10), (2, "two", 40))
    ),
    work=Work(nodes=(NodeHours(the_id("one"), Decimal(5), Decimal(1)),), jobs_completed=4),
    verdicts=Verdicts(NOW, 10, {"allowed sizes": (the_id("one"), the_id("nobody")), "tags": (the_id("nobody"),)}),
    exemptions=(
        Listed(Exemption("/subscriptions/s/resourceGroups/g", None, "why", "me", "f"), None, "in force", 3),
        Listed(Exemption(the_id("two"), date(2026, 12, 1), "why", "me", "f"), None, "in force", 1),
    ),
)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str | None, Report]:
    folder = tmp_path_factory.mktemp("shares")
    with book(folder, *ROWS) as loaded:
        settings = ReportSettings(audiences={"CC-1": ["a@b.example"]}, cost_centres={"CC-1": "Vision"})
        return {one: build(loaded, NOW, settings, known=KNOWN, share=one) for one in [None, *CENTRES]}


def whole(reports: dict[str | None, Report], figure: Any) -> tuple[Any, Any]:
    return figure(reports[None]), sum((figure(reports[one]) for one in CENTRES), Decimal(0))


@pytest.mark.parametrize(
    "figure",
    [
        lambda report: report.total.cost.amount,
        lambda report: report.total.change.amount,
        lambda report: report.total.month.amount,
        lambda report: report.other_total.amount,
        lambda report: report.total.charges,
        lambda report: sum(day.cost.amount for day in report.days),
        lambda report: sum(each.billed.amount for each in report.categories),
        lambda report: sum(line.effective.amount for line in report.details.lines),
        lambda report: report.bridge.start.amount,
        lambda report: report.bridge.end.amount,
        lambda report: sum(part.amount.amount for part in report.movers.effects.parts) if report.movers.effects else 0,
        lambda report: report.savings.realised.amount.amount if report.savings else 0,
        lambda report: report.savings.identified.amount.amount if report.savings else 0,
        lambda report: report.savings.approved.count if report.savings else 0,
        lambda report: report.compliance.cost.amount,
        lambda report: report.compliance.non_compliant,
        lambda report: report.exemptions.cost.amount,
    ],
)
def test_all_shares_together_are_the_whole(reports: dict[str | None, Report], figure: Any) -> None:
    all_of_it, added = whole(reports, figure)

    assert all_of_it == added
    assert all_of_it


def test_nothing_of_another_cost_centre_is_anywhere_in_a_share(reports: dict[str | None, Report]) -> None:
    forms = render(reports["CC-1"], Settings())

    for text in (forms.subject, forms.text, forms.html, forms.page):
        assert "CC-2" not in text
        assert "two" not in text.split()


def test_a_share_names_its_cost_centre_and_its_readers(reports: dict[str | None, Report]) -> None:
    audience = reports["CC-1"].audience

    assert (audience.key, audience.name, audience.recipients) == ("CC-1", "CC-1 Vision", ("a@b.example",))


def test_shares_have_names_of_their_own(reports: dict[str | None, Report]) -> None:
    assert len({report.name for report in reports.values()}) == 4


def test_two_cost_centres_that_would_be_written_alike_have_names_of_their_own(tmp_path: Path) -> None:
    rows = [*daily("2026-11-08", "2026-11-22", "R&D", "1"), *daily("2026-11-08", "2026-11-22", "r d", "1", "b")]

    assert len({report_of(tmp_path, *rows, share=one).name for one in ("R&D", "r d")}) == 2


def test_a_decision_of_a_share_is_about_its_own(reports: dict[str | None, Report]) -> None:
    amounts = {
        one: {each.kind: each.amount.amount for each in reports[one].decisions if each.amount} for one in CENTRES
    }

    assert amounts == {"CC-1": {"approvals": 10, "spot": 9}, "CC-2": {"approvals": 40}, UNTAGGED: {}}


def test_the_mail_of_a_share_goes_to_its_readers_alone(tmp_path: Path) -> None:
    settings = Settings(report=ReportSettings(audiences={"CC-1": ["a@b.example"]}))

    with book(tmp_path, *ROWS) as loaded:
        mails = [message(make(loaded, settings, NOW, share=one), settings) for one in (None, "CC-1")]

    assert [mail["To"] for mail in mails] == ["finance@localhost", "a@b.example"]
    assert mails[0]["Message-ID"] != mails[1]["Message-ID"]


def test_a_month_of_a_share_without_charges_is_zero_and_not_an_error(tmp_path: Path) -> None:
    rows = [*daily(*SPAN, "CC-1", "10"), charge("2026-10-02", "CC-2", "5", "two")]

    report = report_of(tmp_path, *rows, share="CC-2", period=Period.month("2026-11"))

    assert report.total.cost.amount == 0
    assert [line.cost.amount for line in report.by_cost_centre.rows] == [0]


def test_what_was_only_bought_in_the_last_period_is_not_gone_in_this_one(tmp_path: Path) -> None:
    bought = charge("2026-11-10", "CC-3", "500", "order", ChargeCategory="Purchase")
    ended = charge("2026-11-10", "CC-4", "500", "vm")
    with book(tmp_path, *ROWS, bought, ended) as loaded:
        shares = {one: render(build(loaded, NOW, ReportSettings(), share=one), Settings()) for one in ("CC-3", "CC-4")}

    assert "gone" in shares["CC-4"].text
    for form in (shares["CC-3"].text, shares["CC-3"].html):
        assert "no purchase this time" in " ".join(form.split())
        assert "gone" not in form
