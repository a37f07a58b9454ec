"""What we ask Azure in order to know what exists, as data: Resource Graph queries, API versions, windows and bounds."""

from __future__ import annotations

from datetime import timedelta

ML = "microsoft.machinelearningservices"
WORKSPACE = f"{ML}/workspaces"
COMPUTE = f"{ML}/workspaces/computes"
JOB = f"{ML}/workspaces/jobs"
ENDPOINT = f"{ML}/workspaces/onlineendpoints"
DEPLOYMENT = f"{ML}/workspaces/onlineendpoints/deployments"
BATCH_ENDPOINT = f"{ML}/workspaces/batchendpoints"
BATCH_DEPLOYMENT = f"{ML}/workspaces/batchendpoints/deployments"
BATCH_JOB = f"{ML}/workspaces/batchendpoints/jobs"
SCHEDULE = f"{ML}/workspaces/schedules"
ENVIRONMENT = f"{ML}/workspaces/environments"
ENVIRONMENT_VERSION = f"{ML}/workspaces/environments/versions"
COMPONENT_VERSION = f"{ML}/workspaces/components/versions"
AUTOSCALE_SETTING = "microsoft.insights/autoscalesettings"
ROLE_ASSIGNMENT = "microsoft.authorization/roleassignments"
LOCK = "microsoft.authorization/locks"
SUBSCRIPTION = "subscriptions"
RESOURCE_GROUP = "resourcegroups"

# What Resource Graph knows of Machine Learning, and what a workspace stands on. Computes are not in it:
# https://learn.microsoft.com/azure/governance/resource-graph/reference/supported-tables-resources (2026-11)
TYPES = (
    WORKSPACE,
    ENDPOINT,
    DEPLOYMENT,
    BATCH_ENDPOINT,
    BATCH_DEPLOYMENT,
    f"{ML}/workspaces/serverlessendpoints",
    f"{ML}/registries",
    "microsoft.containerregistry/registries",
    AUTOSCALE_SETTING,
    "microsoft.insights/components",
    "microsoft.keyvault/vaults",
    "microsoft.operationalinsights/workspaces",
    "microsoft.storage/storageaccounts",
)

# Without `id` in the projection Resource Graph gives no $skipToken, and without an order its pages may overlap.
RESOURCES = (
    "resources"
    f" | where type in~ ({', '.join(repr(name) for name in TYPES)})"
    " | project id, name, type, kind, location, tags, sku, identity, managedBy, zones, properties, systemData"
    " | order by id asc"
)
CONTAINERS = (
    "resourcecontainers"
    " | where type in~ ('microsoft.resources/subscriptions', 'microsoft.resources/subscriptions/resourcegroups')"
    " | project id, name, type, location, tags, managedBy, properties"
    " | order by id asc"
)

ML_VERSION = "2024-04-01"
LOCKS_VERSION = "2020-05-01"
ACTIVITY_VERSION = "2015-04-01"
ROLES_VERSION = "2022-04-01"
# With which version a type is read by itself (providers' OpenAPI documents, 2026-11); Machine Learning's: ML_VERSION.
VERSIONS = {
    SUBSCRIPTION: "2022-12-01",
    RESOURCE_GROUP: "2021-04-01",
    AUTOSCALE_SETTING: "2022-10-01",
    LOCK: LOCKS_VERSION,
    ROLE_ASSIGNMENT: ROLES_VERSION,
    "microsoft.containerregistry/registries": "2023-07-01",
    "microsoft.insights/components": "2020-02-02",
    "microsoft.keyvault/vaults": "2023-07-01",
    "microsoft.operationalinsights/workspaces": "2022-10-01",
    "microsoft.storage/storageaccounts": "2023-05-01",
}

# The names under which a Gap says what is missing; docs/estate-format.md lists them.
GRAPH = "Microsoft.ResourceGraph/resources"
COMPUTES = "Microsoft.MachineLearningServices/workspaces/computes"
NODES = "Microsoft.MachineLearningServices/workspaces/computes/listNodes"
JOBS = "Microsoft.MachineLearningServices/workspaces/jobs"
RESOURCE = "Microsoft.Resources"  # one resource, asked for by its id
DEPLOYMENTS = "Microsoft.MachineLearningServices/workspaces/endpoints/deployments"
SCHEDULES = "Microsoft.MachineLearningServices/workspaces/schedules"
ENVIRONMENTS = "Microsoft.MachineLearningServices/workspaces/environments"
COMPONENTS = "Microsoft.MachineLearningServices/workspaces/components"
BATCH_JOBS = "Microsoft.MachineLearningServices/workspaces/batchEndpoints/jobs"
AUTOSCALE = "Microsoft.Insights/autoscaleSettings"
ROLES = "Microsoft.Authorization/roleAssignments"
USERS = "Microsoft Graph/users"
LOCKS = "Microsoft.Authorization/locks"
METRICS = "Microsoft.Insights/metrics"
ACTIVITY = "Microsoft.Insights/eventtypes"
POLICY_STATES = "Microsoft.PolicyInsights/policyStates"
PRICES = "Retail Prices"
CHARGES = "Microsoft.CostManagement/query"

# Jobs come newest first, and `az ml job list` hung on thousands of runs (azureml-previews #245). A job runs for
# 21 days at most (how-to-manage-quotas, 2026-06), so once that many in a row are older than this, the rest is over.
JOBS_SINCE = timedelta(days=30)
JOBS_OLD_IN_A_ROW = 200
JOBS_AT_MOST = 5000
# What a fact asks for that wants to know what was used within the last quarter.
JOBS_OF_90_DAYS = f"{JOBS} of 90 days"
LONG_SINCE = timedelta(days=90)
JOBS_AT_MOST_LONG = 20000

# Curated environments come with the workspace: nobody here can archive them.
CURATED = "azureml-"
# Accounts in one call to the directory.
ACCOUNTS_TOGETHER = 20
# Component versions read one by one, a workspace.
COMPONENTS_AT_MOST = 200

# Azure keeps the activity log for 90 days.
ACTIVITY_SINCE = timedelta(days=89)
