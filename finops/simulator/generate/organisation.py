"""Who there is: subscriptions, resource groups, teams, and a workspace for each team with what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

from finops.simulator.generate import bodies
from finops.simulator.generate.draft import PEOPLE, Draft
from finops.simulator.store import Json

TEAMS = ["fraud", "forecasting", "search", "vision", "research", "platform", "pricing", "speech", "logistics", "risk",
         "marketing", "support", "quality", "claims"]  # fmt: skip
ENVIRONMENTS = {"prod": "Contoso AI Production", "dev": "Contoso AI Development", "sandbox": "Contoso AI Sandbox"}
LAB = 1000  # workspaces from this number on are labs
BASE_GROUPS = ["network", "monitoring", "data", "security"]


@dataclass(frozen=True)
class Place:
    """One workspace and what it takes to put things into it."""

    id: str
    name: str
    group: str
    team: str
    environment: str
    region: str
    created: int
    owner: str
    registry: str
    storage: str
    tagged: bool = True

    @property
    def locked(self) -> bool:
        """Production workspaces are, and with them everything in them (see governance.py)."""
        return self.environment == "prod"

    def people(self, draft: Draft) -> list[str]:
        return [draft.person(self.team, number) for number in range(4)]


# Team, environment and region of the six workspaces of a small estate; a larger one goes on from there.
FIRST = [("fraud", "prod", "eastus"), ("forecasting", "prod", "eastus"), ("search", "prod", "westeurope"),
         ("vision", "dev", "eastus"), ("research", "dev", "westeurope"), ("platform", "sandbox", "eastus")]  # fmt: skip


def lay_out(draft: Draft, workspaces: int) -> list[Place]:
    """Put subscriptions, groups and workspaces with their companions; the places where computes can go."""
    subscriptions = {environment: bodies.guid(draft.key, environment) for environment in ENVIRONMENTS}
    for environment, name in ENVIRONMENTS.items():
        tags = {"Environment": environment}
        draft.put(0, "", bodies.subscription(subscriptions[environment], name, tags))
        for group in BASE_GROUPS:
            _group(draft, subscriptions[environment], f"rg-{group}-{environment}", "eastus", environment, None)
    places = []
    for number in range(workspaces):
        team, environment, region = _seat(number)
        places.append(_workspace(draft, subscriptions[environment], team, environment, region, number))
    return places


def labs(draft: Draft, count: int) -> list[Place]:
    """Workspaces in groups that nobody tagged: what is untagged there inherits no CostCenter from above."""
    subscription = bodies.guid(draft.key, "sandbox")
    return [_workspace(draft, subscription, "lab", "sandbox", "eastus", LAB + number, False) for number in range(count)]


def _seat(number: int) -> tuple[str, str, str]:
    """Team, environment and region of the `number`-th workspace."""
    if number < len(FIRST):
        return FIRST[number]
    team = TEAMS[number % len(TEAMS)]
    environment = ["prod", "dev", "dev", "sandbox"][number // len(TEAMS) % 4]
    return team, environment, ["eastus", "westeurope"][number % 2]


def directory() -> list[Json]:
    """Everybody whom Microsoft Graph knows, by id."""
    users = []
    for person in PEOPLE:
        given, _, family = person.partition(".")
        address = f"{person}@contoso.com"
        users.append(
            {
                "id": bodies.guid("person", address),
                "userPrincipalName": address,
                "mail": address,
                "displayName": f"{given.capitalize()} {family.capitalize()}",
                "givenName": given.capitalize(),
                "surname": family.capitalize(),
                "accountEnabled": True,
            }
        )
    return sorted(users, key=lambda user: str(user["id"]))


def tagged(draft: Draft, place: Place, resource_id: str, since: int) -> dict[str, str]:
    """Tags of a resource as people set them: about a tenth forget CostCenter, some misspell it (planted as such)."""
    tags = {"Environment": place.environment, "Owner": place.owner}
    if not place.tagged:
        draft.plant("untagged", resource_id, since)
        return tags
    chance = draft.chance("tags", resource_id.lower())
    if chance < 0.10:
        draft.plant("untagged", resource_id, since)
    elif chance < 0.14:
        wrong = draft.pick(["costcenter", "Cost-Center", "CostCentre"], "misspelt", resource_id.lower())
        draft.plant("misspelt-tag", resource_id, since, tag=wrong)
        tags[wrong] = place.team
    else:
        tags["CostCenter"] = place.team
    return tags


def _group(draft: Draft, subscription: str, name: str, region: str, environment: str, team: str | None) -> str:
    tags = {"Environment": environment, **({"CostCenter": team} if team else {})}
    body = bodies.resource_group(subscription, name, region, tags)
    draft.put(draft.ago(400), "sp-landing-zone", body)
    return str(body["id"])


def _workspace(draft: Draft, subscription: str, team: str, environment: str, region: str, number: int,
               is_tagged: bool = True) -> Place:  # fmt: skip
    suffix = "" if number < len(FIRST) or number == LAB else f"-{number % LAB:02d}"
    payer = team if is_tagged else None
    group = _group(draft, subscription, f"rg-{team}-{environment}{suffix}", region, environment, payer)
    owner, created = draft.person(team, "owner"), draft.some_day(200, 380, team, number)
    short = f"{team[:8]}{environment}{suffix.replace('-', '')}"
    name = f"mlw-{team}-{environment}{suffix}"
    storage = f"st{short}{draft.number(1000, 9999, 'storage', number)}"
    registry = f"cr{short}{draft.number(1000, 9999, 'registry', number)}"
    place = Place(
        id=f"{group}/providers/{bodies.ML}/workspaces/{name}",
        name=name,
        group=group,
        team=team,
        environment=environment,
        region=region,
        created=created,
        owner=owner,
        registry=f"{group}/providers/Microsoft.ContainerRegistry/registries/{registry}",
        storage=f"{group}/providers/Microsoft.Storage/storageAccounts/{storage}",
        tagged=is_tagged,
    )
    vault = f"{group}/providers/Microsoft.KeyVault/vaults/kv-{short}"
    insights = f"{group}/providers/microsoft.insights/components/appi-{short}"
    redundancy = "Standard_LRS" if environment != "prod" else "Standard_GRS"
    _storage(draft, place, storage, redundancy)
    draft.put(
        created,
        owner,
        bodies.key_vault(group, f"kv-{short}", region, created, owner, tagged(draft, place, vault, created)),
    )
    tags = tagged(draft, place, insights, created)
    logged = 400 if environment == "prod" else 90
    draft.put(created, owner, bodies.app_insights(group, f"appi-{short}", region, created, tags),
              {"megabytesADay": draft.number(logged // 2, logged * 3, "logs", number)})  # fmt: skip
    sku = "Premium" if environment == "prod" else draft.pick(["Basic", "Standard"], "acr", number)
    tags = tagged(draft, place, place.registry, created)
    draft.put(created, owner, bodies.registry(group, registry, region, sku, created, owner, tags))
    companions = {
        "storageAccount": place.storage,
        "keyVault": vault,
        "applicationInsights": insights,
        "containerRegistry": place.registry,
    }
    tags = {"Environment": environment, **({"CostCenter": team} if is_tagged else {})}
    draft.put(created, owner, bodies.workspace(group, name, region, created, owner, companions, tags))
    return place


def _storage(draft: Draft, place: Place, name: str, sku: str) -> None:
    hot = draft.number(900, 9000, "gigabytes", name)
    profile: Json = {
        "gigabytes": {"Hot": hot, "Cool": hot // 7} if sku.endswith("LRS") else {"Hot": hot},
        "gigabytesADay": round(hot / 800, 2),
        "day": draft.start // 1440,
        "operationsADay": draft.number(2000, 90000, "operations", name),
    }
    tags = tagged(draft, place, place.storage, place.created)
    draft.put(place.created, place.owner,
              bodies.storage_account(place.group, name, place.region, sku, place.created, tags), profile)  # fmt: skip
