"""FOCUS rows made from query answers, written as Parquet with exact decimals."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from finops.charges.answers import Days
    from finops.charges.split import Costs

# Purchases of commitments stand under these ids; everything else that a query shows is called usage.
_PURCHASE = re.compile(r"^/providers/microsoft\.(capacity|billingbenefits)/")


@dataclass(frozen=True)
class Row:
    day: date
    currency: str
    resource: str
    service: str
    centre: str
    billed: Decimal
    effective: Decimal


def merged(billed: Costs, effective: Costs) -> tuple[Row, ...]:
    """One row per day, resource, service and CostCenter that has either cost."""
    nil = Decimal(0)
    slots = sorted({*billed, *effective})
    return tuple(Row(*slot, billed.get(slot, nil), effective.get(slot, nil)) for slot in slots)


def write(rows: Iterable[Row], asked: Days, old: Path | None, target: Path) -> int:
    """Write `rows` of the `asked` days, and of `old` those of other days, to `target` in one step. How many there are.

    Where there are none, nothing is written.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = _table(rows, asked.scope)
    if old is not None and old.is_file():
        before = pq.read_table(old)
        start, end = (_midnight(day) for day in (asked.first, asked.last + timedelta(days=1)))
        at = before["ChargePeriodStart"]
        others = before.filter(pc.or_(pc.less(at, pa.scalar(start)), pc.greater_equal(at, pa.scalar(end))))
        table = pa.concat_tables([others.cast(table.schema), table])
    if not table.num_rows:
        return 0
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        pq.write_table(table, temporary, compression="zstd")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return int(table.num_rows)


def _table(rows: Iterable[Row], scope: str) -> pa.Table:
    import pyarrow as pa

    money, time, text = pa.decimal128(38, 18), pa.timestamp("us"), pa.string()
    schema = pa.schema(
        [
            ("BilledCost", money),
            ("EffectiveCost", money),
            ("BillingCurrency", text),
            ("ChargePeriodStart", time),
            ("ChargePeriodEnd", time),
            ("ChargeCategory", text),
            ("ProviderName", text),
            ("PublisherName", text),
            ("ResourceId", text),
            ("ResourceName", text),
            ("ServiceName", text),
            ("SubAccountId", text),
            ("Tags", text),
        ]
    )
    return pa.Table.from_pylist([_cells(row, scope) for row in rows], schema=schema)


def _cells(row: Row, scope: str) -> dict[str, Any]:
    return {
        "BilledCost": row.billed,
        "EffectiveCost": row.effective,
        "BillingCurrency": row.currency,
        "ChargePeriodStart": _midnight(row.day),
        "ChargePeriodEnd": _midnight(row.day + timedelta(days=1)),
        "ChargeCategory": "Purchase" if _PURCHASE.match(row.resource) else "Usage",
        "ProviderName": "Microsoft",
        "PublisherName": "Microsoft",
        "ResourceId": row.resource or None,
        "ResourceName": row.resource.rstrip("/").rpartition("/")[2] or None,
        "ServiceName": row.service or None,
        "SubAccountId": scope,
        "Tags": json.dumps({"CostCenter": row.centre}, ensure_ascii=False) if row.centre else None,
    }


def _midnight(day: date) -> datetime:
    """Midnight UTC as Parquet's naive timestamp."""
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - stored without a zone, in UTC as FOCUS has it
