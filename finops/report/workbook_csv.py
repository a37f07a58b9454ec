"""The lines behind the report as CSV, for programs; no cell of it starts a formula in a spreadsheet."""

from __future__ import annotations

import csv
import io
import zipfile

from finops.report.model import Report

# From here on the file is zipped: mail systems refuse large attachments.
LARGEST = 1_000_000
# What a spreadsheet takes for the start of a formula (OWASP, CSV injection); such a text gets an apostrophe before it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def lines_file(model: Report) -> tuple[str, bytes]:
    """Name and content: NAME-lines.csv in UTF-8 with exact amounts, or NAME-lines.csv.zip where that is large."""
    name = f"{model.name}-lines.csv"
    content = lines_csv(model)
    if len(content) <= LARGEST:
        return name, content
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        target.writestr(entry, content)
    return f"{name}.zip", packed.getvalue()


def lines_csv(model: Report) -> bytes:
    """A row a line of the workbook's sheet Lines. Excel reads UTF-8 only behind a byte order mark."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    header = ["Day", "CostCentre", "Subscription", "Resource", "Service", "ChargeCategory"]
    bases = list(model.bases)
    writer.writerow([*header, *(f"{basis.capitalize()}Cost" for basis in bases), "Currency", "Charges", "ResourceId"])
    for line in model.details.lines:
        names = (line.cost_centre, line.subscription, line.resource, line.service, line.category)
        amounts = (f"{getattr(line, basis).amount:f}" for basis in bases)
        writer.writerow(
            [line.day, *map(harmless, names), *amounts, model.currency, line.charges, harmless(line.resource_id)]
        )
    if model.details.left_out:
        name = f"{model.details.left_out:,} other charges together"
        rest = (f"{getattr(model.details, f'left_out_{basis}').amount:f}" for basis in bases)
        writer.writerow(["", name, "", "", "", "", *rest, model.currency, model.details.left_out, ""])
    return out.getvalue().encode("utf-8-sig")


def harmless(text: str) -> str:
    """`text` as a text also where a spreadsheet would make a formula of it."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text
