"""Every answer of the simulator fits Microsoft's own OpenAPI documents, and the official examples' shape."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from contract_drive import Answer, Driver, drive, short, undriven
from openapi_judge import Documents, Operation
from wire_cost_estate import SCOPE, VM, an_estate, charge

from finops.simulator import new_estate

COST, POLICY = "cost_management_2023-11-01", "policyinsights_states_2019-10-01"

# Routes that no document of ../shared/azure/openapi describes: subscriptions and tenants (subscriptions.json was not
# collected), metrics:getBatch, the blob of a cost details report, and the Retail Prices API, which has none; Microsoft
# Graph and AML's own API beside ARM. Role assignments and autoscale settings are judged as what any resource is.
GRAPH = [("GET", "users"), ("GET", "users/{user}"), ("POST", "$batch"), ("POST", "directoryObjects/getByIds")]
JOBS = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.MachineLearningServices/workspaces"
    "/{workspace}/batchEndpoints/{endpoint}/jobs"
)
WITHOUT_DOCUMENT = {
    "GET /subscriptions",
    "GET /subscriptions/{subscription}",
    "GET /subscriptions/{subscription}/locations",
    "GET /tenants",
    "GET /ccmreportstoragesimulated/armreports/{name}/{part}",
    "GET /api/retail/prices",
    "POST /subscriptions/{subscription}/metrics:getBatch",
    "GET /discovery",
    "GET /discovery/{more:path}",
    *(f"{method} /graph/v1.0/{path}" for method, path in GRAPH),
    *(f"POST {prefix}{JOBS}" for prefix in ("", "/mferp/managementfrontend")),
}


@dataclass(frozen=True)
class Verdict:
    answer: Answer
    operation: Operation | None
    faults: list[str]


@pytest.fixture(scope="session")
def documents(shared_azure: Path) -> Documents:
    return Documents(shared_azure / "openapi")


@pytest.fixture(scope="session")
def driven(shared_azure: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """A generated estate, asked one of everything."""
    folder = tmp_path_factory.mktemp("contract") / "estate"
    new_estate(folder, seed=7, size="small")
    with Driver(folder) as driver:
        drive(driver)
        yield driver


@pytest.fixture(scope="session")
def verdicts(driven: Driver, documents: Documents) -> list[Verdict]:
    found = []
    for answer in driven.answers:
        operation = documents.find(answer.method, answer.path, answer.version)
        faults = [] if operation is None else documents.faults(operation, answer.status, answer.body)
        found.append(Verdict(answer, operation, faults))
    return found


def test_every_answer_fits_its_document(verdicts: list[Verdict]):
    wrong = {short(each.answer): each.faults for each in verdicts if each.faults}

    assert wrong == {}


def test_many_operations_were_judged(verdicts: list[Verdict]):
    """189 pairs of operation and status when this was written."""
    judged = {(each.operation.name, each.answer.status) for each in verdicts if each.operation}
    assert len(judged) >= 180


def test_only_these_routes_have_no_document(verdicts: list[Verdict]):
    assert {each.answer.route for each in verdicts if each.operation is None} == WITHOUT_DOCUMENT


def test_no_route_was_left_out(driven: Driver):
    assert list(undriven(driven)) == []


def test_writes_and_reads_went_through(driven: Driver):
    """An answer that fits its document is no proof where every answer is an error."""
    refused = [short(each) for each in driven.answers if each.status >= 400]

    assert len(refused) < len(driven.answers) / 8
    by_policy = [text for text in refused if "RequestDisallowedByPolicy" in text]
    assert len(by_policy) == 1
    no_patch = [text for text in refused if "MethodNotAllowed" in text and text.startswith("PATCH")]
    expected = {*by_policy, *no_patch}
    assert len(expected) == 2
    assert not [text for text in refused if text.startswith(("PUT", "PATCH", "DELETE")) and text not in expected]


def test_queries_add_up_to_the_charges_of_a_generated_estate(driven: Driver):
    """A whole month by day, CostCenter and service, page after page, against the charges themselves."""
    dataset = {
        "granularity": "Daily",
        "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}},
        "grouping": [{"type": "TagKey", "name": "CostCenter"}, {"type": "Dimension", "name": "ServiceName"}],
    }
    body = {"type": "ActualCost", "timeframe": "TheLastMonth", "dataset": dataset}
    told, pages = Decimal(0), 0
    link = "/providers/Microsoft.Billing/billingAccounts/1234567/providers/Microsoft.CostManagement/query?$top=100"
    while link:
        properties = json.loads(driven.ask("POST", link, body).text, parse_float=Decimal)["properties"]
        told, pages = told + sum(row[0] for row in properties["rows"]), pages + 1
        link = (properties["nextLink"] or "").partition("127.0.0.1")[2]

    published = driven.world.charges.published(driven.world.clock.now()).select(["ChargePeriodStart", "BilledCost"])
    billed = [row["BilledCost"] for row in published.to_pylist() if row["ChargePeriodStart"].month == 10]
    assert told == sum(billed)
    assert told > 1000
    assert pages > 3


def example(shared_azure: Path, folder: str, name: str) -> dict[str, Any]:
    return dict(json.loads((shared_azure / "examples" / folder / name).read_text("utf-8")))


@pytest.mark.parametrize(
    ("method", "path", "folder", "name"),
    [
        ("POST", f"{SCOPE}/providers/Microsoft.CostManagement/query", COST, "SubscriptionQueryGrouping.json"),
        ("POST", f"{SCOPE}/providers/Microsoft.CostManagement/forecast", COST, "SubscriptionForecast.json"),
        ("GET", f"{SCOPE}/providers/Microsoft.CostManagement/exports/e", COST, "ExportGetBySubscription.json"),
        ("POST", f"{SCOPE}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults", POLICY,
         "PolicyStates_QuerySubscriptionScope.json"),
    ],
)  # fmt: skip
def test_the_judge_passes_microsofts_examples(documents: Documents, shared_azure: Path, method, path, folder, name):
    operation = documents.find(method, path)
    body = example(shared_azure, folder, name)["responses"]["200"]["body"]

    assert operation is not None
    assert documents.faults(operation, 200, body) == []


CLUSTER = f"{SCOPE}/resourceGroups/ml-rg/providers/Microsoft.MachineLearningServices/workspaces/w/computes/c"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda body: body["properties"]["properties"]["scaleSettings"].pop("maxNodeCount"), "maxNodeCount"),
        (lambda body: body["properties"].pop("computeType"), "computeType"),
        (lambda body: body["properties"].update(isAttachedCompute="no"), "is not of type 'boolean'"),
        (lambda body: body["properties"]["properties"].update(vmSize=7), "is not of type 'string'"),
    ],
)
def test_the_judge_sees_what_is_wrong(documents: Documents, shared_azure: Path, change: Any, complaint: str):
    operation = documents.find("GET", CLUSTER)
    good = example(shared_azure, "machinelearning_2024-04-01", "Compute/get/AmlCompute.json")["responses"]["200"][
        "body"
    ]
    bad = copy.deepcopy(good)
    change(bad)

    assert operation is not None
    assert documents.faults(operation, 200, good) == []
    assert complaint in " ".join(documents.faults(operation, 200, bad))


def test_the_judge_sees_members_that_do_not_exist(documents: Documents, driven: Driver):
    answer = next(each for each in driven.answers if each.path.endswith("/jobs") and each.status == 200)
    operation = documents.find("GET", answer.path)
    bad = copy.deepcopy(answer.body)
    bad["value"][0]["properties"]["elephants"] = 1

    assert operation is not None
    assert "elephants" in " ".join(documents.faults(operation, 200, bad))


def members(value: Any, path: str = "") -> set[str]:
    """The paths of all members of a body, list items taken together, tags' own names left out."""
    if isinstance(value, dict):
        return {f"{path}/{key}" for key in value if not path.endswith(("/tags", "/notifications"))}.union(
            *(members(inner, f"{path}/{key}") for key, inner in value.items())
        )
    return set().union(*(members(inner, f"{path}[]") for inner in value)) if isinstance(value, list) else set()


ACCOUNT = f"{SCOPE}/resourceGroups/MYDEVTESTRG/providers/Microsoft.Storage/storageAccounts/ccmeastusdiag182"


@pytest.mark.parametrize(
    ("folder", "name", "method", "path"),
    [
        (COST, "SubscriptionQuery.json", "POST", "Microsoft.CostManagement/query"),
        (COST, "SubscriptionQueryGrouping.json", "POST", "Microsoft.CostManagement/query"),
        (COST, "SubscriptionForecast.json", "POST", "Microsoft.CostManagement/forecast"),
        (COST, "SubscriptionDimensionsList.json", "GET", "Microsoft.CostManagement/dimensions"),
        (COST, "Budgets/CreateOrUpdate/Cost/CreateOrUpdate-Cost-Subscription-Budget.json", "PUT",
         "Microsoft.CostManagement/budgets/b"),
        (COST, "ExportCreateOrUpdateBySubscription.json", "PUT", "Microsoft.CostManagement/exports/e"),
        (POLICY, "PolicyStates_QuerySubscriptionScope.json", "POST",
         "Microsoft.PolicyInsights/policyStates/latest/queryResults"),
        ("locks_2020-05-01", "ManagementLocks_CreateOrUpdateAtSubscriptionLevel.json", "PUT",
         "Microsoft.Authorization/locks/l"),
        ("policy_2023-04-01", "createOrUpdatePolicyDefinition.json", "PUT",
         "Microsoft.Authorization/policyDefinitions/ResourceNaming"),
        ("resources_2024-03-01", "PutTagsSubscription.json", "PUT", "Microsoft.Resources/tags/default"),
    ],
)  # fmt: skip
def test_an_official_request_gets_an_answer_of_the_official_shape(
    tmp_path: Path, shared_azure: Path, folder: str, name: str, method: str, path: str
):
    """The request of the example, word for word; every member of its answer is in ours."""
    file = next((shared_azure / "examples" / folder).rglob(Path(name).name))
    told = json.loads(file.read_text("utf-8"))
    days = [*(f"2026-10-{day:02}" for day in range(1, 32)), *(f"2026-11-{day:02}" for day in range(1, 21))]
    state = {"resourceId": VM, "complianceState": "Compliant", "policyDefinitionGroupNames": ["g"]}
    an_estate(tmp_path, [charge(day, "1") for day in days], policy_states=[state])
    body = told["parameters"].get("parameters")
    if path.endswith("/forecast"):
        del body["dataset"]["filter"]  # it keeps resource groups that are not here: nothing to go on from
    query = {key: str(value) for key, value in told["parameters"].items() if key.startswith("$")}

    with Driver(tmp_path) as driver:
        answer = driver.ask(method, f"{SCOPE}/providers/{path}", body, **query)

    expected = next(response["body"] for status, response in told["responses"].items() if "body" in response)
    assert answer.status in {200, 201}, short(answer)
    recorded_only = {each for each in members(expected) if folder == POLICY and each.startswith("/value[]/")}
    assert members(expected) - members(answer.body) - recorded_only == set()
