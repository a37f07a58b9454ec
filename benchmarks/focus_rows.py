"""Write N synthetic FOCUS charges as Parquet: 42 columns, 92 days, JSON tags, refunds, in ten files.

    python benchmarks/focus_rows.py DIR [--rows 10000000] [--resources 50000] [--centres 120]
        [--since 2026-08-01]

Of the rows 12 % have tags without CostCenter, 5 % spell it `costcenter`, 1.5 % have no tags, 0.5 % are refunds. Amounts
are DECIMAL(38,18) and exact. The same arguments give the same rows under the same DuckDB.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import duckdb

# One SELECT over range(first, last): everything about a row follows from its number through hash().
ROWS = """
WITH n AS (SELECT CAST(hash(range, 1) >> 1 AS BIGINT) AS h1, CAST(hash(range, 2) >> 1 AS BIGINT) AS h2,
                  CAST(hash(range, 3) >> 1 AS BIGINT) AS h3, CAST(hash(range, 4) >> 1 AS BIGINT) AS h4
           FROM range({first}, {last})),
r AS (SELECT *, CAST(pow((h1 % 1000000) / 1e6, 3) * {resources} AS BIGINT) AS res FROM n),
s AS (SELECT *, CAST(hash(res, 5) >> 1 AS BIGINT) AS hr,
      TIMESTAMP '{since}' + INTERVAL 1 DAY * CAST(h2 % 92 AS INTEGER) AS day,
      CAST(h3 % 24000000 AS DECIMAL(9,0)) * 0.000001 AS quantity,
      CAST(1 + hr % 9000 AS DECIMAL(9,0)) * 0.0001 * (CASE WHEN h4 % 1000 < 5 THEN -1 ELSE 1 END) AS price FROM r),
t AS (SELECT *, quantity * price AS cost, CASE
        WHEN hr % 1000 < 15 THEN NULL
        WHEN hr % 1000 < 135 THEN '{{"env": "' || ['dev', 'test', 'prod'][1 + hr % 3] || '", "team": "t' || hr % 40
             || '"}}'
        WHEN hr % 1000 < 185 THEN '{{"costcenter": "CC-' || 4000 + hr % {centres} || '", "env": "prod"}}'
        ELSE '{{"env": "' || ['dev', 'test', 'prod'][1 + hr % 3] || '", "CostCenter": "CC-' || 4000 + hr % {centres} ||
             '", "owner": "p' || hr % 300 || '@example.com"}}' END AS tags,
      ['Virtual Machines', 'Storage', 'Azure Machine Learning', 'Container Registry', 'Bandwidth', 'Key Vault',
       'Azure Monitor', 'Virtual Network', 'Load Balancer', 'Azure DNS'][1 + (hr >> 8) % 10] AS service FROM s)
SELECT
  'zone-' || hr % 3 AS AvailabilityZone,
  CAST(cost AS DECIMAL(38,18)) AS BilledCost,
  '/providers/Microsoft.Billing/billingAccounts/8611537' AS BillingAccountId,
  'Contoso' AS BillingAccountName,
  'USD' AS BillingCurrency,
  date_trunc('month', day) + INTERVAL 1 MONTH AS BillingPeriodEnd,
  date_trunc('month', day) AS BillingPeriodStart,
  'Usage' AS ChargeCategory,
  CASE WHEN cost < 0 THEN 'Correction' END AS ChargeClass,
  service || ' charge ' || hr % 200 AS ChargeDescription,
  'Usage-Based' AS ChargeFrequency,
  day + INTERVAL 1 DAY AS ChargePeriodEnd,
  day AS ChargePeriodStart,
  CASE WHEN hr % 20 = 0 THEN 'Usage' END AS CommitmentDiscountCategory,
  CASE WHEN hr % 20 = 0 THEN '/providers/Microsoft.Capacity/reservationOrders/' || hr % 12 END AS CommitmentDiscountId,
  CASE WHEN hr % 20 = 0 THEN 'reservation ' || hr % 12 END AS CommitmentDiscountName,
  CASE WHEN hr % 20 = 0 THEN 'Used' END AS CommitmentDiscountStatus,
  CASE WHEN hr % 20 = 0 THEN 'Reservation' END AS CommitmentDiscountType,
  CAST(quantity AS DECIMAL(38,18)) AS ConsumedQuantity,
  'Hours' AS ConsumedUnit,
  CAST(cost * 1.1 AS DECIMAL(38,18)) AS ContractedCost,
  CAST(price * 1.1 AS DECIMAL(38,18)) AS ContractedUnitPrice,
  CAST(cost * 0.9 AS DECIMAL(38,18)) AS EffectiveCost,
  'Microsoft' AS InvoiceIssuerName,
  CAST(cost * 1.2 AS DECIMAL(38,18)) AS ListCost,
  CAST(price * 1.2 AS DECIMAL(38,18)) AS ListUnitPrice,
  CASE WHEN hr % 20 = 0 THEN 'Committed' WHEN hr % 20 < 4 THEN 'Dynamic' ELSE 'Standard' END AS PricingCategory,
  CAST(quantity AS DECIMAL(38,18)) AS PricingQuantity,
  'Hours' AS PricingUnit,
  'Microsoft' AS ProviderName,
  'Microsoft' AS PublisherName,
  ['eastus', 'westeurope', 'northeurope', 'swedencentral'][1 + hr % 4] AS RegionId,
  ['East US', 'West Europe', 'North Europe', 'Sweden Central'][1 + hr % 4] AS RegionName,
  '/subscriptions/00000000-0000-0000-0000-' || lpad(CAST(hr % 40 AS VARCHAR), 12, '0') || '/resourceGroups/rg-'
    || hr % 400 || '/providers/Microsoft.Compute/virtualMachines/vm-' || res AS ResourceId,
  'vm-' || res AS ResourceName,
  'Virtual machine' AS ResourceType,
  'Compute' AS ServiceCategory,
  service AS ServiceName,
  'SKU' || hr % 500 AS SkuId,
  'SKU' || hr % 500 || '.P' AS SkuPriceId,
  '/subscriptions/00000000-0000-0000-0000-' || lpad(CAST(hr % 40 AS VARCHAR), 12, '0') AS SubAccountId,
  tags AS Tags
FROM t
"""
FILES = 10


def write(folder: Path, rows: int, resources: int, centres: int, since: date) -> None:
    """Fill `folder` with part-00.parquet to part-09.parquet."""
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as engine:
        engine.execute("SET preserve_insertion_order = false")
        for n in range(FILES):
            first, last = rows * n // FILES, rows * (n + 1) // FILES
            sql = ROWS.format(first=first, last=last, resources=resources, centres=centres, since=since)
            engine.execute(f"COPY ({sql}) TO '{folder / f'part-{n:02}.parquet'}' (FORMAT parquet, COMPRESSION snappy)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--resources", type=int, default=50_000)
    parser.add_argument("--centres", type=int, default=120)
    parser.add_argument("--since", type=date.fromisoformat, default=date(2026, 8, 1))
    given = parser.parse_args()
    write(given.folder, given.rows, given.resources, given.centres, given.since)
