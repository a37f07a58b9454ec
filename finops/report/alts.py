"""The charts in words, for those who do not see them: every figure that they show."""

from __future__ import annotations

from finops.report import naming
from finops.report.model import Report, Wording
from finops.report.words import Words


def cost(model: Report, words: Words) -> str:
    curve = model.curve
    last = curve.days[-1]
    parts = [words.say("{amount} by {day}", amount=words.money(last.so_far), day=words.writing.day(last.day))]
    if curve.before_days:
        before = words.money(curve.before_days[-1].so_far)
        parts.append(words.say("{name} ended at {amount}", name=naming.before_name(model, words), amount=before))
    if curve.budget:
        parts.append(words.say("the budget is {amount}", amount=words.money(curve.budget)))
    outlook = model.outlook
    if outlook and outlook.range:
        parts.append(words.say("the forecast is {range}", range=words.range(outlook.range)))
    elif outlook:
        parts.append(words.say("the forecast is {range}", range=words.forecast(outlook.middle)))
    return _attribute(f"{words.say('Chart')}: {naming.curve_title(model, words)}. {'; '.join(parts)}.")


def movers(model: Report, wording: Wording, words: Words) -> str:
    if model.movers is None:
        rows = [f"{words.called(row)} {words.money(row.shown_cost)}" for row in model.by_cost_centre.rows]
        return _attribute(f"{words.say('Chart of cost by cost centre')}: {'; '.join(rows)}.")
    title = words.say("Chart of change by cost centre")
    if model.movers.moved and not model.movers.bars:
        return _attribute(f"{title}: {words.say('spread over {n} cost centres', n=f'{model.movers.moved:,}')}.")
    bars = [
        f"{words.called(line)} {words.signed(line.shown_change)}"
        for line in model.movers.bars
        if line.shown_change and line.shown_change.amount
    ]
    return _attribute(f"{title}: {'; '.join(bars) or words.say('no cost centre changed')}.")


def _attribute(text: str) -> str:
    """`text` without <, which css-inline rightly leaves unescaped in attributes; not every mail sanitiser agrees."""
    return text.replace("<", "‹").replace(">", "›")
