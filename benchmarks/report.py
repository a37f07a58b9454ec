"""The weekly report of ten million charges and 300 cost centres: time and memory, beside what one would write by hand.

    python benchmarks/focus_rows.py SCRATCH --centres 300 --since 2026-07-25
        # once, into a scratch folder: 10 million rows to 24 October, about 1 GB
    python benchmarks/report.py SCRATCH [--rounds 3] [--only finops,pandas]

`finops` is the whole report: forecast of every cost centre and its record, figures, mail, text, page, two pictures and
the workbook of fourteen sheets with its pivot. `pandas` is what an analyst's script makes: the five columns it needs,
amounts as floats, cost by cost centre and service of two weeks and the month, the 50 largest movers, and a workbook of
three sheets by openpyxl; no forecast, no effects, no mail. Both totals are compared. Imports are not in the times,
loading is. The bar: 15 s and 1 GiB for the whole report.
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from typing import Any

NOW = datetime(2026, 10, 26, 12, tzinfo=UTC)
BEFORE, AFTER, END = date(2026, 10, 11), date(2026, 10, 18), date(2026, 10, 25)
MONTH = date(2026, 10, 1)
TOP = 50
GIB = 1 << 30
BAR_SECONDS, BAR_BYTES = 15, GIB


class Clock:
    """Seconds by part, in the order in which they were."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self.last = time.perf_counter()

    def took(self, part: str) -> None:
        here = time.perf_counter()
        self.parts[part], self.last = here - self.last, here


def by_finops(folder: str, clock: Clock) -> dict[str, Any]:
    from finops import charges, report
    from finops.charges import Period
    from finops.config.model import Settings
    from finops.jobs.knowing import known_by_charges

    settings = Settings(
        report={"organisation": "Contoso", "basis": "effective"},
        mail={"sender": "finops@contoso.example", "finance": ["finance@contoso.example"]},
        budgets={"all": {"amount": 15_000_000}},
    )
    period = Period(AFTER, END)
    with charges.load([folder]) as book:
        clock.took("load")
        known = known_by_charges(book, settings, NOW, period)
        clock.took("forecast and budgets")
        model = report.build(book, NOW, settings.report, period, known=known)
        clock.took("figures")
        forms = report.render(model, settings)
        clock.took("mail, page, pictures, workbook")
    return {
        "centres": len(model.by_cost_centre.all),
        "total": round(float(model.total.cost.amount), 2),
        "html": len(forms.html.encode()),
        "workbook": len(forms.workbook),
    }


def by_pandas(folder: str, clock: Clock) -> dict[str, Any]:
    """Each tag text parsed once, dates compared as numbers, no column that is not needed."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.dataset as ds
    from openpyxl import Workbook

    columns = ["ChargePeriodStart", "EffectiveCost", "ServiceName", "ResourceId", "Tags"]
    since = ds.field("ChargePeriodStart") >= datetime(MONTH.year, MONTH.month, MONTH.day)  # noqa: DTZ001
    table = ds.dataset(folder, format="parquet").to_table(columns=columns, filter=since)
    at = table.schema.get_field_index("EffectiveCost")
    table = table.set_column(at, "EffectiveCost", table["EffectiveCost"].cast(pa.float64()))
    frame = table.to_pandas(self_destruct=True)
    del table
    clock.took("load")
    codes, texts = pd.factorize(frame["Tags"], use_na_sentinel=False)
    owners = pd.Series([_owner(text) for text in texts], dtype="category")
    frame["CostCenter"] = owners.iloc[codes].to_numpy()
    day = frame["ChargePeriodStart"]
    now = (day >= pd.Timestamp(AFTER)) & (day < pd.Timestamp(END))
    was = (day >= pd.Timestamp(BEFORE)) & (day < pd.Timestamp(AFTER))
    cost = frame["EffectiveCost"]
    frame["Week"], frame["Before"] = cost.where(now, 0.0), cost.where(was, 0.0)
    sums = ["Week", "Before", "EffectiveCost"]
    centres = frame.groupby("CostCenter", observed=True)[sums].sum().sort_values("Week", ascending=False)
    services = frame.groupby("ServiceName", observed=True)[sums].sum().sort_values("Week", ascending=False)
    resources = frame.groupby("ResourceId", observed=True)[["Week", "Before"]].sum()
    resources["Change"] = resources["Week"] - resources["Before"]
    moved = resources.loc[resources["Change"].abs().nlargest(TOP).index]
    clock.took("figures")
    book = Workbook()
    for name, found in (("By cost centre", centres), ("By service", services), ("Movers", moved)):
        sheet = book.create_sheet(name)
        sheet.append([found.index.name, *found.columns])
        for row in found.itertuples():
            sheet.append(list(row))
    made = io.BytesIO()
    book.save(made)
    clock.took("workbook")
    return {"centres": len(centres), "total": round(float(centres["Week"].sum()), 2), "workbook": len(made.getvalue())}


def _owner(text: object) -> str:
    tags = json.loads(text) if isinstance(text, str) else {}
    return next((value for key, value in tags.items() if key.lower() == "costcenter"), "(untagged)")


WAYS = {"finops": by_finops, "pandas": by_pandas}
IMPORTS = {
    "finops": [
        *("duckdb", "pandas", "numpy", "matplotlib.figure", "openpyxl", "jinja2", "css_inline", "PIL.Image"),
        *("finops.charges", "finops.report", "finops.jobs.knowing", "finops.config.model"),
    ],
    "pandas": ["pandas", "pyarrow.dataset", "openpyxl"],
}


def child(way: str, folder: str) -> None:
    start = time.perf_counter()
    for name in IMPORTS[way]:
        __import__(name)
    clock = Clock()
    begun = clock.last
    cpu = time.process_time()
    answer = WAYS[way](folder, clock)
    told = {
        "imports": begun - start,
        "wall": clock.last - begun,
        "cpu": time.process_time() - cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "parts": clock.parts,
        "answer": answer,
    }
    print(json.dumps(told))


def compare(folder: str, ways: list[str], rounds: int) -> None:
    best: dict[str, dict[str, Any]] = {}
    for turn in range(rounds):
        for way in ways:
            run = [sys.executable, __file__, "--child", way, folder]
            told = json.loads(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
            print(f"round {turn + 1} {way:7} wall {told['wall']:6.2f} s  cpu {told['cpu']:6.2f} s", file=sys.stderr)
            if way not in best or told["wall"] < best[way]["wall"]:
                best[way] = told
    for way, told in best.items():
        print(f"{way}: wall {told['wall']:.2f} s, cpu {told['cpu']:.2f} s, peak {told['peak'] / GIB:.2f} GiB", end="")
        print(f" (imports {told['imports']:.2f} s apart)")
        print("    " + ", ".join(f"{part} {seconds:.2f} s" for part, seconds in told["parts"].items()))
        print("    " + ", ".join(f"{name} {value:,}" for name, value in told["answer"].items()))
    if "finops" in best:
        held = best["finops"]["wall"] <= BAR_SECONDS and best["finops"]["peak"] <= BAR_BYTES
        print(f"bar: {BAR_SECONDS} s and 1 GiB for the whole report: {'held' if held else 'NOT HELD'}")
    if len(best) == len(WAYS):
        ours, theirs = (best[way]["answer"] for way in WAYS)
        same = ours["centres"] == theirs["centres"] and abs(ours["total"] - theirs["total"]) <= 1e-9 * ours["total"]
        print(f"answers: {ours['centres']} cost centres, {'the same' if same else 'NOT THE SAME'} total")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="+", help="Where focus_rows.py wrote its files.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="finops,pandas", help="Which to run, with commas between.")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(*given.folder)
    else:
        compare(given.folder[0], given.only.split(","), given.rounds)
