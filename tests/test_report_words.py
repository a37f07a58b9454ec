"""How figures read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some
from report_data import charge, daily, hours, report_of
from report_sample import closed, reach, sample

from finops.config import folder
from finops.config.model import Settings
from finops.errors import ConfigError
from finops.report.known import Known, Predictions, Work
from finops.report.locales import writing
from finops.report.model import Decision, Money
from finops.report.phrases import fitted, patterns
from finops.report.rounding import adding_up, printable, rounded
from finops.report.telling import told
from finops.report.templates import Templates
from finops.report.words import Words, cents, compact, exact, left, name, percent, right, shortened, tidy, until


@pytest.mark.parametrize(
    ("amount", "currency", "digits", "text"),
    [
        ("8601.4", "USD", 0, "$8,601"),
        ("8601.5", "USD", 0, "$8,602"),
        ("-237.2", "USD", 0, "−\u2060$237"),
        ("-0.2", "USD", 0, "$0"),
        ("5120", "JPY", 0, "¥5,120"),
        ("12.5", "EUR", 2, "€12.50"),
        ("12.5", "CHF", 2, "CHF\N{NO-BREAK SPACE}12.50"),
    ],
)
def test_money_reads(amount: str, currency: str, digits: int, text: str) -> None:
    assert Words(digits).money(Money(Decimal(amount), currency)) == text


def test_what_is_unknown_is_a_dash_and_never_zero() -> None:
    assert Words(0).money(None) == "—"


@pytest.mark.parametrize(("amount", "text"), [("1246", "+$1,246"), ("-237", "−\u2060$237"), ("0.3", "no change")])
def test_a_change_says_its_direction(amount: str, text: str) -> None:
    assert Words(0).signed(Money(Decimal(amount), "USD")) == text


def test_exact_keeps_every_digit() -> None:
    assert exact(Money(Decimal("14.976514185860"), "USD")) == "14.97651418586 USD"


def test_cents_are_what_the_currency_has() -> None:
    assert cents(Money(Decimal("6658.479884"), "USD")) == "$6,658.48"
    assert cents(Money(Decimal("6658.479884"), "JPY")) == "¥6,658"


@pytest.mark.parametrize(
    ("amount", "step", "text"),
    [
        ("40000", "10000", "$40k"),
        ("7500", "2500", "$7.5k"),
        ("0", "5", "$0"),
        ("0.5", "0.5", "$0.50"),
        ("3000000", "1000000", "$3m"),
    ],
)
def test_neighbours_on_an_axis_read_differently(amount: str, step: str, text: str) -> None:
    assert compact(Decimal(amount), Decimal(step), "USD") == text


def test_midnight_is_the_end_of_the_day_before() -> None:
    assert until(datetime(2026, 11, 22, tzinfo=UTC)) == "the end of 21 Nov 2026"
    assert until(datetime(2026, 11, 22, 8, tzinfo=UTC)) == "22 Nov 2026 08:00 UTC"


def test_columns_of_text_stay_straight_with_wide_and_invisible_characters() -> None:
    assert left("研究", 6) == "研究  "
    assert right("−\u2060$5", 5) == "  −\u2060$5"
    assert left("a long name", 6) == "a lon…"


def test_a_long_name_keeps_both_of_its_ends() -> None:
    assert shortened("vm-" + "0" * 60 + "-42", 20).startswith("vm-")
    assert shortened("vm-" + "0" * 60 + "-42", 20).endswith("-42")


def test_a_name_is_one_line_without_control_characters() -> None:
    assert printable("a\nb\x00\x1b[31mc\u202e") == "a b[31mc"
    assert printable(None, "(none)") == "(none)"


@given(some.lists(some.decimals(-(10**9), 10**9, allow_nan=False, places=6), max_size=30), some.sampled_from([0, 2]))
def test_rounded_parts_make_the_rounded_whole(amounts: list[Decimal], digits: int) -> None:
    parts = adding_up(amounts, digits)

    assert sum(parts) == rounded(sum(amounts, Decimal(0)), digits)
    assert all(abs(part - amount) < Decimal(1).scaleb(-digits) for part, amount in zip(parts, amounts, strict=True))


@pytest.mark.parametrize(
    ("value", "text"), [("3.3", "3.3%"), ("0.0", "0%"), ("-32.2", "−\u2060" + "32.2%"), ("2206.0", "2,206%")]
)
def test_a_percentage_has_a_decimal_only_where_it_says_something(value: str, text: str) -> None:
    assert percent(Decimal(value)) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("34312.40", "$34,300"),
        ("36288.10", "$36,300"),
        ("8601.27", "$8,600"),
        ("123.4", "$123"),
        ("0.4", "$0"),
        ("-34312", "−\u2060$34,300"),
    ],
)
def test_a_forecast_is_no_finer_than_it_can_be(amount: str, text: str) -> None:
    assert Words(0).forecast(Money(Decimal(amount), "USD")) == text


def test_a_forecast_of_a_small_share_has_no_cents() -> None:
    assert Words(2).range(reach("640", "2000", "6389.6")) == "$640 to $6,390"
    assert Words(2).forecast(Money(Decimal("264.8"), "USD")) == "$265"
    assert Words(2).forecast(Money(Decimal("2.648"), "USD")) == "$2.65"


def test_a_decision_of_a_small_share_has_no_cents() -> None:
    spot = Decision(
        "spot", Money(Decimal("1636.32"), "USD"), "a month", "move gpu", "", date(2026, 12, 14), 1, 0, "", "",
        Money(Decimal("54.54"), "USD"),
    )  # fmt: skip

    assert Words(2).price_tag(spot) == "$1,636 a month"
    assert Words(2).to_do(spot).endswith("each day costs about $55.")


def test_both_ends_of_a_range_are_as_coarse_as_the_larger() -> None:
    assert Words(0).range(reach("9998", "10500", "11012")) == "$10,000 to $11,000"
    assert Words(0).range(reach("5", "5", "5")) == "$5"


@pytest.mark.parametrize(
    ("chance", "text"),
    [
        ("0", "less than 1 in 20"),
        ("0.05", "1 in 10"),
        ("0.91", "9 in 10"),
        ("0.95", "9 in 10"),
        ("1", "more than 19 in 20"),
    ],
)
def test_odds_are_said_in_tenths_and_never_as_certain(chance: str, text: str) -> None:
    assert Words(0).odds(Decimal(chance)) == text


@pytest.mark.parametrize(
    ("price", "text"), [("3.4", "$3.40"), ("0.0421", "$0.042"), ("0.00042", "$0.00042"), ("0", "$0.00")]
)
def test_a_unit_s_price_keeps_two_digits_that_say_something(price: str, text: str) -> None:
    assert Words(0).price(Money(Decimal(price), "USD")) == text


@pytest.mark.parametrize(
    ("code", "money", "share", "day"),
    [
        ("de_DE", "8.601,27 €", "+46,0 %", "21. Nov. 2026"),
        ("fr_FR", "8\u202f601,27 €", "+46,0 %", "21 nov. 2026"),
        ("en_US", "€8,601.27", "+46.0%", "Nov 21, 2026"),
        ("de_CH", "EUR 8’601.27", "+46.0%", "21. Nov. 2026"),
        ("hi_IN", "€8,601.27", "+46.0%", "21 नव॰ 2026"),
    ],
)
def test_locales_write_amounts_shares_and_days_in_their_own_way(code: str, money: str, share: str, day: str) -> None:
    words = Words(2, writing(code))

    said = (
        words.money(Money(Decimal("8601.27"), "EUR")),
        words.signed_percent(Decimal("46.0")),
        words.writing.date(date(2026, 11, 21)),
    )
    assert tuple(one.replace("\N{NO-BREAK SPACE}", " ") for one in said) == (money, share, day)


@pytest.mark.parametrize("code", ["xx_XX", "de_XQ", "en-US", ""])
def test_a_locale_that_nobody_knows_is_refused(code: str) -> None:
    with pytest.raises(ConfigError, match="which is no locale"):
        writing(code)


def test_a_name_that_runs_to_the_left_stands_apart() -> None:
    assert name("CC-1 שלום") == "\u2068CC-1 שלום\u2069"
    assert name("CC-1") == "CC-1"


def test_a_sentence_ends_with_one_full_stop() -> None:
    assert tidy("Decide by 24. Nov..  Then  wait ; so it is.") == "Decide by 24. Nov. Then wait; so it is."


class Listening(dict[str, str]):
    """A site's words that note what they were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def get(self, phrase: str, otherwise: str | None = None) -> str | None:  # type: ignore[override]
        self.asked.add(phrase)
        return otherwise


def test_every_phrase_that_a_report_says_can_be_put_in_other_words(tmp_path: Path) -> None:
    known = yaml.safe_load((folder("reports") / "words.yaml").read_text("utf-8"))
    heard = Listening()
    model = sample(tmp_path)
    for each in (model, closed(model), report_of(tmp_path, *daily("2026-11-15", "2026-11-22", None, "3"))):
        templates = Templates(None, Words(each.digits))
        words = replace(templates.words, phrases=heard)
        templates._environment.filters.update(words.filters())
        context = told(each, Settings(), words, templates)
        for file, frame in (("weekly.html", "page.html"), ("weekly.txt", "")):
            templates.render(file, frame=frame, picture=str, with_services=True, **context)

    made_up = {phrase for phrase in heard.asked if phrase not in known}
    assert {phrase for phrase in made_up if phrase not in {"a day", "this month"}} == set()


@dataclass(frozen=True)
class Telling(Words):
    """Words that note which sentences of the program they were given."""

    heard: set[str] = field(default_factory=set)

    def told(self, sentence: str) -> str:
        self.heard.update({sentence} - {""})
        return super().told(sentence)


def test_every_sentence_that_the_program_makes_can_be_put_in_other_words(tmp_path: Path) -> None:
    known = yaml.safe_load((folder("reports") / "words.yaml").read_text("utf-8"))
    workspace = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/ws"
    cluster = f"{workspace}/computes/gpu"
    monitored = f"{workspace}/onlineEndpoints/a/deployments/b"
    work = Work(predictions=(Predictions(monitored, "a/b", None, "Monitor was read for the last 30 days only"),))
    before = daily("2026-11-08", "2026-11-14", "CC-1", "10", "vm")
    after = charge("2026-11-22", "CC-1", "1")
    bought = charge("2026-11-17", None, "500", ChargeCategory="Purchase")
    credit = charge("2026-11-18", "CC-1", "-90", ChargeCategory="Credit")
    on_cluster = daily("2026-11-15", "2026-11-21", "CC-1", "70", "x", ResourceId=cluster, **hours("9", "NC999xs v9"))
    plain = daily("2026-11-15", "2026-11-21", "CC-2", "30", "x", ResourceId=cluster)
    gap = [row for row in on_cluster if "2026-11-18" not in row["ChargePeriodStart"]]
    for place in "abcd":
        (tmp_path / place).mkdir()
    reports = [
        report_of(tmp_path / "a", *before, *on_cluster, bought, credit, after, known=Known(work=work)),
        report_of(tmp_path / "b", *before, *plain, after, known=Known(work=Work(jobs_completed=3))),
        report_of(tmp_path / "c", *before, *gap, after),
        report_of(tmp_path / "d", *daily("2026-11-18", "2026-11-19", None, "3")),
    ]

    heard: set[str] = set()
    for model in reports:
        templates = Templates(None, Words(model.digits))
        words = Telling(model.digits, phrases={"a": "b"}, heard=heard)
        templates._environment.filters.update(words.filters())
        context = told(model, Settings(), words, templates)
        for file, frame in (("weekly.html", "page.html"), ("weekly.txt", "")):
            templates.render(file, frame=frame, picture=str, with_services=True, **context)

    assert len(heard) > 20
    assert {one for one in heard if one not in known and not fitted(one, patterns(known))} == set()


def test_a_sentence_of_the_program_is_said_in_the_site_s_words_with_its_figures() -> None:
    site = {
        "without {n} of {all} clusters: {why}": "ohne {n} von {all} Clustern: {why}",
        "the nodes were not measured": "die Knoten wurden nicht gemessen",
    }
    words = Words(0, phrases=site)

    assert words.told("without 1 of 3 clusters: the nodes were not measured") == (
        "ohne 1 von 3 Clustern: die Knoten wurden nicht gemessen"
    )
    assert words.told("Bank of England") == "Bank of England"


def test_rows_that_nobody_named_are_named_in_the_site_s_words(tmp_path: Path) -> None:
    rows = [row for n in range(4) for row in daily("2026-11-15", "2026-11-22", f"Other (CC-{n})", f"{n + 1}0")]
    table = report_of(tmp_path, *rows, top=1).by_cost_centre
    words = Words(0, phrases={"Other ({n})": "Übrige ({n})", "(untagged)": "(ohne)", "Total": "Summe"})

    assert [words.called(line) for line in table.with_total] == ["Other (CC-3)", "Übrige (3)", "(ohne)", "Summe"]


def test_a_phrase_that_is_mostly_figures_fits_no_sentence() -> None:
    assert fitted("from Monday to Friday", patterns({"{low} to {high}": "{low} bis {high}"})) is None
