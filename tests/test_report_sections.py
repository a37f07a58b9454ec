"""Every part of the report, in the order of the page, in the mail and in its text, when all have something to say."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from report_sample import closed, reach, sample, usd

from finops.config.model import FolderSettings, MailSettings, ReportSettings, Settings, WebSettings
from finops.report import Rendered, Report, render

SECTIONS = [
    "Needs a decision (3)",
    "November, cost added up against budget and forecast",
    "What moved against the week before",
    "By cost centre",
    "Anomalies (1 open)",
    "Savings, kept apart by how certain they are",
    "From this report to the invoice",
    "What a unit of work cost",
    "By service",
    "Policies and exemptions",
    "About the numbers",
]
WEB = WebSettings(auth="demo", public_url="https://finops.contoso.example")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def mail(model: Report) -> Rendered:
    return render(model, Settings(web=WEB))


def words_of(markup: str) -> str:
    """What people read of it, spaces as they see them."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_the_sections_stand_in_the_order_of_the_page(mail: Rendered) -> None:
    headings = [words_of(found) for found in re.findall(r"<h2[^>]*>(.*?)</h2>", mail.html, re.DOTALL)]

    assert headings == SECTIONS
    assert [heading for heading in SECTIONS if f"\n{heading.upper()}\n" not in mail.text] == []


def test_the_first_forty_characters_of_the_subject_stand_alone(mail: Rendered) -> None:
    assert mail.subject == "Over budget likely: $8,602 week to 21 Nov; Nov $34.3k–$36.3k of $34.0k"
    assert len(mail.subject) <= 77
    assert mail.subject[:40] == "Over budget likely: $8,602 week to 21 No"


def test_the_preheader_counts_what_waits(mail: Rendered) -> None:
    assert mail.preheader.startswith("3 decisions: $257 a day, $1,120 a month. 1 open anomaly")
    assert "Savings realised so far $2,914." in mail.preheader


def test_one_sentence_says_where_the_month_is_heading_and_why(mail: Rendered) -> None:
    assert mail.verdict == (
        "November is heading for $34,300 to $36,300, about $1,000 over its $34,000 budget; CC-4300 LLM Platform "
        "drove the week's rise (+$1,247): llm-sft-117 is new."
    )


@pytest.mark.parametrize(
    "said",
    [
        "+$1,084 (+14.4%) on the week before",
        "70.1% of budget, 70.0% of month gone",
        "Month-end forecast, 8 in 10",
        "$34,300 to $36,300",
        "$1,000 over budget in the mean; 9 in 10 chance over",
        "$257 a day:",
        "Owner: p.ortiz@contoso.com. Decide by Tue 24 Nov.",
        "The amount of 2 of them is not known.",
        "Looking back on 2 closed months from days 7, 14 and 21, the actual total fell inside such a range in 5 of 6 "
        "looks; median miss 3.1%.",
        "+$997 is more use at the same price; +$250 is a higher price for the same use",
        "It lasts: it has cost as much on each of the last 7 days.",
        "Actual $1,905 against $874 expected ($790 to $960): +$1,031, +118%",
        "Cause not found.",
        "14 orphaned endpoints",
        "(belongs to Oct 2026)",
        "$8,061.93",
        "1,260 of 2,000 node-hours",
        "week of 8 to 14 Nov 2026 was published as $7,471 and is $7,513 now, +$42 (+0.6%)",
        "96.7% of 212 resources follow every policy; 7 do not and cost $2,208",
        "1 exemption covers $212 of the week; 1 ends soon: demo ($212, until 1 Dec).",
        "Audit trail: 412:9f2c6b1e",
        "Run cost-week-2026-11-21",
        "You get this because finance@localhost is listed under mail.finance.",
    ],
)
def test_the_mail_and_its_text_say_it_alike(mail: Rendered, said: str) -> None:
    assert said in words_of(mail.html)
    assert said in " ".join(mail.text.split())


def test_there_is_one_button_and_it_leads_to_the_web_app(mail: Rendered) -> None:
    buttons = re.findall(r'class="push" href="([^"]*)"', mail.html)
    others = set(re.findall(r'href="([^"]*)"', mail.html)) - set(buttons)

    assert buttons == ["https://finops.contoso.example/findings"]
    assert {link for link in others if "/anomalies/" not in link} == {
        "mailto:finops@localhost?subject=Change%20or%20stop%20cost-week-2026-11-21"
    }


def test_without_a_web_app_there_is_no_button(model: Report) -> None:
    mail = render(model, Settings())

    assert "approvals page" not in mail.html + mail.text


def test_the_way_to_stop_it_is_the_one_of_the_settings(model: Report) -> None:
    asked = MailSettings(unsubscribe="https://lists.contoso.example/finance")

    assert 'href="https://lists.contoso.example/finance"' in render(model, Settings(mail=asked)).html


def test_no_decision_no_anomaly_and_nothing_restated_are_said(model: Report) -> None:
    assert model.anomalies is not None
    assert model.restatements is not None
    calm = replace(
        model,
        decisions=(),
        anomalies=replace(model.anomalies, rows=(), all=(), open=0, impact=usd(0)),
        restatements=replace(model.restatements, rows=()),
    )

    mail = render(calm, Settings(web=WEB))

    for form in (words_of(mail.html), " ".join(mail.text.split())):
        assert "Nothing needs a decision now." in form
        assert "No anomalies in 8 to 21 Nov 2026." in form
        assert "None of the 4 figures that were published before has changed." in form
    assert mail.preheader.startswith("No decision waits. No open anomaly.")


def test_a_forecast_without_a_range_says_why(model: Report) -> None:
    assert model.outlook is not None
    early = replace(
        model.outlook, range=None, why_no_range="9 complete days, 14 are needed", chance_over=None, record=None
    )

    mail = render(replace(model, outlook=early), Settings())

    assert "$35,000" in mail.text
    assert "No range is given: 9 complete days, 14 are needed." in mail.text
    assert "November has used 70.1% of its $34,000 budget with 70.0% of the month gone" in mail.verdict


def test_no_forecast_at_all_says_why(model: Report) -> None:
    mail = render(replace(model, outlook=None, no_outlook="the data has holes"), Settings())

    assert "Month-end forecast none" in " ".join(mail.text.split())
    assert "No forecast is made: the data has holes." in words_of(mail.html)


def test_a_month_over_budget_says_by_how_much(model: Report) -> None:
    assert model.month is not None
    assert model.month.budget is not None
    over = replace(model.month.budget, left=usd(-638), amount=usd(23_000))

    mail = render(replace(model, month=replace(model.month, budget=over)), Settings())

    assert mail.verdict.startswith("November is $638 over its $23,000 budget, heading for $34,300 to $36,300")


def test_a_step_to_the_invoice_shares_a_line_with_its_amount_where_both_fit_into_72_columns(mail: Rendered) -> None:
    assert (
        "Reservations and savings plans: take out the spread share     \N{MINUS SIGN}\N{WORD JOINER}$2,410.10\n"
        in mail.text
    )


def test_a_bridge_that_does_not_close_shows_the_gap(model: Report) -> None:
    assert model.bridge is not None
    bridge = replace(
        model.bridge, closes=False, gap=usd("12.34"), shown_gap=usd("12.34"), why_open="an export lacks it"
    )

    mail = render(replace(model, bridge=bridge), Settings())

    for form in (words_of(mail.html), mail.text):
        assert "Not explained" in form
        assert "+$12.34" in form
        assert "an export lacks it" in form


def test_the_statement_of_a_month_compares_invoice_data_and_forecasts(model: Report) -> None:
    mail = render(closed(model), Settings(web=WEB))

    assert mail.subject == "October 2026 closed: invoice $33,180.22, no difference to our data"
    assert mail.html.index("Needs a decision") < mail.html.index("Closing statement")
    for form in (words_of(mail.html), " ".join(mail.text.split())):
        assert "Invoice total" in form
        assert "$33,401.10" in form
        assert "$31,000 to $35,000" in form
    assert mail.verdict.startswith("October 2026 is closed; ")
    assert mail.verdict.endswith(". The invoice says $33,180.22, our data $33,180.22, no difference.")


def test_an_invoice_that_differs_stands_in_the_subject(model: Report) -> None:
    month = closed(model)
    assert month.close is not None
    close = replace(month.close, ours=usd("33180.00"), difference=usd("0.22"))

    mail = render(replace(month, close=close), Settings())

    assert mail.subject == "October 2026 closed: invoice $33,180.22, +$0.22 against our data"
    assert "The invoice and our data differ by $0.22." in words_of(mail.html)


def test_the_site_s_locale_writes_amounts_percentages_and_dates(model: Report) -> None:
    mail = render(model, Settings(report=ReportSettings(locale="de_DE")))

    said = mail.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "8.602 $" in said
    assert "+1.084 $ (+14,4 %)" in said
    assert "15.–21. Nov. 2026" in said
    assert "33.294 $" in said
    assert ".." not in said.replace("...", "")
    assert '<html lang="de-DE" dir="ltr">' in mail.html


@pytest.mark.parametrize("locale", ["en_US", "fr_CH", "ja_JP", "ar_EG", "pt_BR", "hi_IN"])
def test_every_locale_makes_a_whole_report(model: Report, locale: str) -> None:
    mail = render(model, Settings(report=ReportSettings(locale=locale)))

    assert len(mail.subject) <= 77
    assert ('dir="rtl"' in mail.html) == (locale == "ar_EG")


def test_the_site_s_words_take_the_place_of_ours(model: Report, tmp_path: Path) -> None:
    (tmp_path / "words.yaml").write_text("Over budget likely: Budget wird überschritten\nThis week: Diese Woche\n")

    mail = render(model, Settings(folders=FolderSettings(reports=tmp_path)))

    assert mail.subject.startswith("Budget wird überschritten: ")
    assert "Diese Woche" in mail.html
    assert "Diese Woche" in mail.text
    assert "This week" not in mail.text


def test_a_part_of_your_own_wins_alone(model: Report, tmp_path: Path) -> None:
    (tmp_path / "weekly-decisions.html").write_text("<tr><td>Ask Kim.</td></tr>")

    mail = render(model, Settings(folders=FolderSettings(reports=tmp_path)))

    assert "Ask Kim." in mail.html
    assert "What moved against the week before" in mail.html


def test_a_share_of_a_report_says_whose_it_is(model: Report) -> None:
    from finops.report.model import Audience

    mine = replace(model, audience=Audience("CC-4300", "CC-4300 LLM Platform", ("llm@contoso.example",)))

    mail = render(mine, Settings())

    assert "CC-4300 LLM Platform" in mail.subject
    assert "Contoso Research - CC-4300 LLM Platform" in mail.text
    assert "You get this because llm@contoso.example is listed for CC-4300 LLM Platform." in " ".join(mail.text.split())


def test_a_chance_near_certain_promises_no_more_than_it_knows(model: Report) -> None:
    assert model.outlook is not None
    sure = replace(model.outlook, chance_over=Decimal(1), range=reach(36_000, 37_000, 38_000))

    assert "more than 19 in 20 chance over" in render(replace(model, outlook=sure), Settings()).text


def test_of_many_deployments_those_that_cost_most_are_printed(model: Report) -> None:
    assert model.units is not None
    [one] = model.units.predictions
    many = tuple(replace(one, name=f"deployment-{n}/blue", cost=usd(n)) for n in range(1, 13))

    made = render(replace(model, units=replace(model.units, predictions=many)), Settings())

    for form in (made.html, made.text):
        assert "deployment-12/blue" in form
        assert "deployment-8/blue" in form
        assert "deployment-7/blue" not in form
        assert "7 more are in the workbook." in form


def test_what_works_of_what_is_paid_for_comes_before_single_endpoints(model: Report) -> None:
    text = render(model, Settings()).text

    names = ["Node-hours on spot", "Node-hours idle", "a completed job", "Standard_ND96asr_v4", "fraud/blue"]
    places = [text.rindex(name) for name in names]
    assert places == sorted(places)


def test_a_unit_is_never_cut_short_in_plain_text(model: Report) -> None:
    assert model.units is not None
    [one] = model.units.predictions
    long = replace(one, name="workspace-with-a-long-name/endpoint-with-a-long-name/deployment-blue")

    text = render(replace(model, units=replace(model.units, predictions=(long,))), Settings()).text

    assert "1,000 predictions" in text
    assert "1,000…" not in text


def test_each_unit_cost_that_is_not_known_is_named(model: Report) -> None:
    assert model.units is not None
    units = model.units
    unknown = replace(units.per_job, value=None, why="the charges state no hours of clusters, though 16 jobs completed")
    silent = replace(units.predictions[0], value=None, why="nothing called it")
    green = replace(silent, name="fraud/green")
    no_spot = replace(units.spot, percent=None, why="the charges state no hours of clusters")

    found = replace(units, per_job=unknown, spot=no_spot, predictions=(silent, green), gpu_hours=())
    text = " ".join(
        render(replace(model, units=replace(found, no_gpu_hours="no GPU was charged")), Settings()).text.split()
    )

    for said in (
        "Not known: node-hours on spot: the charges state no hours of clusters.",
        "Not known: cost of a completed job: the charges state no hours of clusters, though 16 jobs completed.",
        "Not known: cost of a GPU-hour: no GPU was charged.",
        "Not known: 1,000 predictions of fraud/blue and 1 more: nothing called it.",
    ):
        assert said in text


def test_a_date_far_away_has_its_weekday_and_no_year(model: Report) -> None:
    one = replace(model.decisions[0], by=date(2027, 1, 4))

    mail = render(replace(model, decisions=(one,)), Settings())

    assert "Decide by Mon 4 Jan." in " ".join(mail.text.split())


def test_an_anomaly_links_the_page_on_which_people_answer_for_it(model: Report, mail: Rendered) -> None:
    assert model.anomalies is not None
    address = f"https://finops.contoso.example/anomalies/{model.anomalies.rows[0].id}"

    assert f'<a href="{address}"' in mail.html
    assert f"  Explain or close it: {address}\n" in mail.text


def test_an_anomaly_names_the_command_where_there_is_no_page(model: Report) -> None:
    assert model.anomalies is not None
    mail = render(model, Settings())

    told = f'Explain or close it: finops anomaly explain {model.anomalies.rows[0].id} --why "..."'
    assert told in words_of(mail.html)
    assert told in " ".join(mail.text.split())


def test_an_anomaly_that_is_explained_asks_nobody_for_a_reason(model: Report) -> None:
    assert model.anomalies is not None
    rows = tuple(replace(one, state="explained") for one in model.anomalies.rows)
    told = replace(model, anomalies=replace(model.anomalies, rows=rows, all=rows, open=0))

    for settings in (Settings(), Settings(web=WEB)):
        mail = render(told, settings)

        assert "Explain or close it" not in mail.html + mail.text
