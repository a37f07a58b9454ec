"""A query definition's dataset as SQL over the book: what to add up, what to group by, what to keep.

Rules that Azure checks with an error are Microsoft's own list (azure-cost/cost-query/guardrails.md, November 2026):
at most two groupings, none twice, only Sum, and/or with two children or more, ResourceId at subscription scope and
below. That names compare without letter case is a guess; that `In` finds untagged cost under "" is a guess too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from finops.simulator.answers import WireError
from finops.simulator.services.cost import wire
from finops.simulator.services.cost.wire import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from finops.simulator.services.cost.book import Book

# Cost Management's dimensions and the FOCUS columns that hold them, first known one wins. Ids and resource groups
# come back in lower case (recorded), other values as they are.
DIMENSIONS: dict[str, tuple[str, ...]] = {
    "benefitid": ("CommitmentDiscountId",),
    "benefitname": ("CommitmentDiscountName",),
    "chargetype": ("ChargeCategory",),
    "costallocationrulename": ("x_CostAllocationRuleName",),
    "frequency": ("ChargeFrequency",),
    "invoiceid": ("x_InvoiceId", "InvoiceId"),
    "invoicesectionname": ("x_InvoiceSectionName",),
    "meter": ("x_SkuMeterName", "SkuMeter"),
    "metercategory": ("x_SkuMeterCategory", "ServiceName"),
    "meterid": ("x_SkuMeterId",),
    "metersubcategory": ("x_SkuMeterSubcategory",),
    "partnumber": ("x_SkuPartNumber",),
    "pricingmodel": ("PricingCategory",),
    "product": ("x_SkuDescription", "ChargeDescription"),
    "publishername": ("PublisherName",),
    "publishertype": ("x_PublisherCategory",),
    "reservationid": ("CommitmentDiscountId",),
    "reservationname": ("CommitmentDiscountName",),
    "resourceguid": ("x_SkuMeterId",),
    "resourcelocation": ("RegionName", "RegionId"),
    "resourcetype": ("x_ResourceType", "ResourceType"),
    "servicefamily": ("x_SkuServiceFamily",),
    "servicename": ("x_SkuMeterCategory", "ServiceName"),
    "servicetier": ("x_SkuMeterSubcategory",),
    "subscriptionname": ("SubAccountName",),
    "unitofmeasure": ("ConsumedUnit",),
}
COMPARABLE = {
    "resourceid": "resource",
    "resourcegroup": "resource_group",
    "resourcegroupname": "resource_group",
    "subscriptionid": "subscription",
}
LOWERED = {"resourcetype"}
ACTUAL = {"cost": "billed", "pretaxcost": "billed", "costusd": "billed_usd", "pretaxcostusd": "billed_usd"}
AMORTIZED = {name: column.replace("billed", "effective") for name, column in ACTUAL.items()}


@dataclass(frozen=True)
class Plan:
    """The pieces of one SELECT. `values` belong to the question marks of joins and where, in that order."""

    granularity: str
    sums: list[tuple[str, str]]
    groups: list[tuple[str, str]]
    joins: list[str]
    where: str
    values: list[object] = field(default_factory=list)


def plan(body: Mapping[str, object], book: Book, wide: bool) -> Plan:
    """What a query definition asks for; a WireError where Azure refuses it."""
    kind = str(wire.field(body, "type") or "").lower()
    if kind not in {"actualcost", "amortizedcost", "usage"}:
        raise _invalid(f"Invalid type '{wire.field(body, 'type')}'.")
    dataset = wire.field(body, "dataset")
    if not isinstance(dataset, dict):
        raise _invalid("Missing dataset.")
    if wire.field(dataset, "configuration") and not wire.field(dataset, "aggregation"):
        raise _invalid("A list of columns without an aggregation is not simulated.")
    granularity = str(wire.field(dataset, "granularity") or "None").lower()
    if granularity not in {"none", "daily", "monthly"}:
        raise _invalid(f"Invalid dataset granularity '{granularity}'.")
    grouping = wire.field(dataset, "grouping") or []
    if not isinstance(grouping, list) or len(grouping) > 2:
        raise _invalid("Dataset grouping supports at most 2 items.")
    joins: list[str] = []
    values: list[object] = []
    groups: list[tuple[str, str]] = []
    for number, group in enumerate(grouping):
        name = str(wire.field(group, "name") or "")
        if str(wire.field(group, "type") or "").lower().startswith("tag"):
            joins.append(_tag_join(f"g{number}"))
            values.append(name.lower())
            # Two columns for one tag, TagKey and TagValue (seen in several clients' fixtures). Where a charge has
            # no such tag TagValue is null: Az.CostManagement 0.3.1 was released to survive "values in row could be
            # null when grouping by the value of TagKey".
            groups += [("TagKey", f"'{_quoted(name.lower())}'"), ("TagValue", f"g{number}.value")]
        else:
            if name.lower() == "resourceid" and wide:
                raise _invalid("Grouping by ResourceId is supported at subscription scope and below.")
            # Cost without a resource group comes under "" (recorded: c7n, CostFilterTest.test_cost_resource_group).
            groups.append((name, f"coalesce({dimension(name, book)}, '')"))
    if len({(name, sql) for name, sql in groups}) < len(groups):
        raise _invalid("Duplicate columns in dataset grouping.")
    where, more = _where(wire.field(dataset, "filter"), book)
    kept = [where]
    if kind == "usage":
        kept.append("coalesce(category, 'Usage') = 'Usage'")
    return Plan(
        granularity,
        _sums(wire.field(dataset, "aggregation"), kind),
        groups,
        joins,
        " AND ".join(f"({part})" for part in kept),
        [*values, *more],
    )


def dimension(name: str, book: Book) -> str:
    """SQL for the value of one dimension of a charge."""
    low = name.lower()
    if low in COMPARABLE:
        return f"charges.{COMPARABLE[low]}"
    if low in DIMENSIONS:
        columns = ", ".join(book.text(column) for column in DIMENSIONS[low])
        value = f"coalesce({columns})" if len(DIMENSIONS[low]) > 1 else columns
        return f"lower({value})" if low in LOWERED else value
    known = ", ".join(sorted([*DIMENSIONS, *COMPARABLE]))
    raise _invalid(f"Invalid dimension '{name}'. Valid dimensions: {known}.")


def _sums(aggregation: object, kind: str) -> list[tuple[str, str]]:
    """(column name, SQL) of each aggregation; the answer's column is called as the measure, not as its alias."""
    if not isinstance(aggregation, dict):
        return []
    columns = AMORTIZED if kind == "amortizedcost" else ACTUAL
    found: list[tuple[str, str]] = []
    for wanted in aggregation.values():
        name, function = str(wire.field(wanted, "name") or ""), str(wire.field(wanted, "function") or "")
        if function.lower() != "sum":
            raise _invalid(f"Invalid aggregation function '{function}'.")
        if name.lower() == "usagequantity":
            found.append((name, "charges.quantity"))
        elif name.lower() in columns:
            column = f"charges.{columns[name.lower()]}"
            if column.endswith("_usd"):
                column = f"coalesce({column}, CASE WHEN currency = 'USD' THEN {column.removesuffix('_usd')} END)"
            found.append((name, column))
        else:
            raise _invalid(f"Invalid aggregation column '{name}'.")
    if len({name for name, _ in found}) < len(found):
        raise _invalid("Duplicate columns in dataset aggregation.")
    return found


def filter_clause(condition: object, book: Book) -> tuple[str, list[object]]:
    """SQL for a QueryFilter or a BudgetFilter; true where there is none."""
    return _where(condition, book)


def _where(condition: object, book: Book) -> tuple[str, list[object]]:
    if not condition:
        return "true", []
    if not isinstance(condition, dict):
        raise _invalid("Invalid dataset filter.")
    parts: list[str] = []
    values: list[object] = []
    for key, inner in condition.items():
        low = key.lower()
        if low in {"and", "or"}:
            if not isinstance(inner, list) or len(inner) < 2:
                raise _invalid(f"Dataset filter '{key}' needs at least 2 expressions.")
            made = [_where(child, book) for child in inner]
            parts.append("(" + f" {low.upper()} ".join(f"({sql})" for sql, _ in made) + ")")
            values += [value for _, some in made for value in some]
        elif low == "not":
            sql, some = _where(inner, book)
            parts.append(f"NOT ({sql})")
            values += some
        elif low in {"dimensions", "dimension", "tags", "tag"} and isinstance(inner, dict):
            sql, some = _comparison(inner, low.startswith("tag"), book)
            parts.append(sql)
            values += some
        else:
            raise _invalid(f"Invalid dataset filter '{key}'.")
    return " AND ".join(parts), values


def _comparison(inner: Mapping[str, object], is_tag: bool, book: Book) -> tuple[str, list[object]]:
    name, operator = str(wire.field(inner, "name") or ""), str(wire.field(inner, "operator") or "")
    wanted = wire.field(inner, "values")
    if not isinstance(wanted, list) or not wanted:
        raise _invalid(f"Dataset filter on '{name}' has no values.")
    values: list[object] = []
    if is_tag:
        value = "(SELECT max(tag.value) FROM tag WHERE tag.spelling = charges.tag_text AND tag.key = ?)"
        values.append(name.lower())
    else:
        value = dimension(name, book)
    value = f"lower(coalesce({value}, ''))"
    if operator.lower() == "in":
        return f"{value} IN ({', '.join('?' for _ in wanted)})", [*values, *(str(one).lower() for one in wanted)]
    if operator.lower() == "contains":
        tests = [f"contains({value}, ?)" for _ in wanted]
        paired = [item for one in wanted for item in (*values, str(one).lower())]
        return f"({' OR '.join(tests)})", paired
    raise _invalid(f"Invalid operator '{operator}' for '{name}'.")


def _tag_join(alias: str) -> str:
    return f"LEFT JOIN tag AS {alias} ON {alias}.spelling = charges.tag_text AND {alias}.key = ?"


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _invalid(message: str) -> WireError:
    return invalid(f"Invalid query definition: {message}")
