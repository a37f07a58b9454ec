"""Where each Azure cloud lives: its hosts, its token scopes, and which addresses are ours to call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from finops.config.model import LOOPBACK, AzureSettings
from finops.errors import AzureError, ConfigError

DEFAULT_PORTS = {"https": 443, "http": 80}
ODD_CHARACTERS = re.compile(r"[\s\\\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Cloud:
    """One Azure cloud. `local` is the loopback server that stands for all of it, or ""."""

    name: str
    arm: str
    arm_scope: str
    metrics_suffix: str
    metrics_scope: str
    prices: str
    authority: str
    directory: str
    directory_scope: str
    learning_suffix: str
    learning_scope: str
    registries: str = ""  # the suffix of their login servers
    registry_scope: str = ""
    blobs: str = ""  # the suffix of storage accounts; a registry sends there who asks for a layer
    zoned_blobs: str = ""  # the suffix of those with a DNS zone of their own
    vaults: str = ""  # the suffix of Key Vaults
    vault_scope: str = ""
    communication: str = ""  # the suffix of Azure Communication Services' resources
    communication_scope: str = ""
    local: str = ""
    storage_scope: str = "https://storage.azure.com/.default"  # in every cloud

    def learning(self, region: str) -> str:
        """AML's own API in `region`: what ARM does not tell."""
        return self._regional(region, self.learning_suffix)

    def metrics(self, region: str) -> str:
        """The Monitor batch endpoint of `region`."""
        return self._regional(region, self.metrics_suffix)

    def _regional(self, region: str, suffix: str) -> str:
        if self.local:
            return self.local
        if not re.fullmatch(r"[a-z0-9]+", region):
            raise AzureError(f"'{region}' is not an Azure region.", "Give its short name, such as westeurope.")
        return f"https://{region}.{suffix}"

    def registry(self, server: str) -> str:
        """The address of the container registry with that login server."""
        if self.local:
            return f"{self.local}/registry/{server}"
        if not self.is_registry(f"https://{server}"):
            raise AzureError(
                f"{server} is not a container registry of the {self.name} cloud. It was not called.",
                f"A login server ends in .{self.registries}.",
                code="ForeignAddress",
            )
        return f"https://{server}"

    def vault(self, name: str) -> str:
        """The address of the Key Vault of that name."""
        if not re.fullmatch(r"[A-Za-z][0-9A-Za-z-]{1,22}[0-9A-Za-z]", name):
            raise AzureError(f"'{name}' is not the name of a Key Vault.", "Set azure.key_vault, without its domain.")
        return f"{self.local}/keyvault/{name}" if self.local else f"https://{name.lower()}.{self.vaults}"

    def is_registry(self, url: str) -> bool:
        """Whether `url` is on a container registry: NAME.azurecr.io, NAME-HASH.azurecr.io."""
        return _below(url, self.registries)

    def is_blob(self, url: str) -> bool:
        """Whether `url` is where layers lie: a storage account, or a registry's data endpoint. No token goes there."""
        if _below(url, self.blobs):
            return True
        parts = _split(url)
        labels = (parts.hostname or "").lower().split(".") if parts else []
        own = ".".join(labels[3:]) == self.registries and labels[2] == "data" if len(labels) > 3 else False
        return own and same_place(url, f"https://{'.'.join(labels)}")

    def storage(self, account: Mapping[str, Any] | str) -> str:
        """The address of an account's blobs, by its ARM body or its name; never one that is not the account's own.

        https://learn.microsoft.com/azure/storage/common/storage-account-overview#storage-account-endpoints
        """
        told = {"name": account} if isinstance(account, str) else account
        name = str(told.get("name") or "").lower()
        properties = told.get("properties")
        endpoints = properties.get("primaryEndpoints") if isinstance(properties, Mapping) else None
        address = str((endpoints or {}).get("blob") or "").rstrip("/") if isinstance(endpoints or {}, Mapping) else ""
        if not re.fullmatch(r"[a-z0-9]{3,24}", name):
            raise AzureError(f"'{name}' is not the name of a storage account.", "Give its name, as in the portal.")
        if self.local:
            own = _beside(address) and urlsplit(address).path == f"/{name}"
            return address if own else f"{self.local}/{name}"
        address = address or f"https://{name}.{self.blobs}"
        if not (self.is_storage(address) and (urlsplit(address).hostname or "").partition(".")[0] == name):
            raise AzureError(
                f"{address} is not where the blobs of {name} are in the {self.name} cloud. It was not called.",
                "Check azure.cloud, and the blob endpoint that the portal shows.",
                code="ForeignAddress",
            )
        return f"https://{urlsplit(address).hostname}"

    def is_storage(self, url: str) -> bool:
        """Whether `url` is on the blobs of a storage account, in a DNS zone of its own (NAME.z01.blob...) or not."""
        labels = ((parts.hostname if (parts := _split(url)) else None) or "").lower().split(".")
        zoned = re.fullmatch(r"z\d\d", labels[1]) is not None if len(labels) > 2 else False
        in_zone = zoned and bool(self.zoned_blobs) and ".".join(labels[2:]) == self.zoned_blobs
        return _below(url, self.blobs) or (in_zone and same_place(url, f"https://{'.'.join(labels)}"))

    def is_communication(self, url: str) -> bool:
        """Whether `url` is on a resource of Azure Communication Services: NAME[.REGION].communication.azure.com."""
        parts = _split(url)
        host = (parts.hostname or "").lower() if parts and self.communication else ""
        labels = host.removesuffix(f".{self.communication}").split(".")
        return host.endswith(f".{self.communication}") and len(labels) <= 2 and same_place(url, f"https://{host}")

    def allows(self, url: str) -> bool:
        """Whether `url` is on one of this cloud's own hosts: the only ones that may see a token."""
        if self.local:
            return same_place(url, self.local) or _beside(url)
        if any(same_place(url, ours) for ours in (self.arm, self.prices, self.directory)):
            return True
        if self.is_registry(url) or self.is_blob(url) or self.is_storage(url) or self.is_communication(url):
            return True
        if _below(url, self.vaults):
            return True
        parts = _split(url)
        if parts is None:
            return False
        region = (parts.hostname or "").partition(".")[0]
        regional = (self.metrics_suffix, self.learning_suffix)
        return any(_place(parts) == ("https", f"{region}.{suffix}", 443) for suffix in regional)


# Resource managers and scopes as in azure.mgmt.core.tools.get_arm_endpoints 1.6.0, metrics audiences as in
# azure-monitor-querymetrics 1.0.0, AML's own as in azure-ai-ml 1.35.2 (_azure_environments.py), mail's as in
# azure-communication-email 1.1.0, Graph's as in https://learn.microsoft.com/graph/deployments, Key Vault's as in
# https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates. Retail Prices serves
# government regions from the public host and has no China.
CLOUDS = {
    "public": Cloud(
        name="public",
        vaults="vault.azure.net",
        vault_scope="https://vault.azure.net/.default",
        arm="https://management.azure.com",
        arm_scope="https://management.azure.com/.default",
        metrics_suffix="metrics.monitor.azure.com",
        metrics_scope="https://metrics.monitor.azure.com/.default",
        prices="https://prices.azure.com",
        authority="login.microsoftonline.com",
        registries="azurecr.io",
        registry_scope="https://containerregistry.azure.net/.default",
        blobs="blob.core.windows.net",
        zoned_blobs="blob.storage.azure.net",
        directory="https://graph.microsoft.com",
        directory_scope="https://graph.microsoft.com/.default",
        learning_suffix="api.azureml.ms",
        learning_scope="https://ml.azure.com/.default",
        communication="communication.azure.com",
        communication_scope="https://communication.azure.com/.default",
    ),
    "usgovernment": Cloud(
        name="usgovernment",
        vaults="vault.usgovcloudapi.net",
        vault_scope="https://vault.usgovcloudapi.net/.default",
        arm="https://management.usgovcloudapi.net",
        arm_scope="https://management.core.usgovcloudapi.net/.default",
        metrics_suffix="metrics.monitor.azure.us",
        metrics_scope="https://metrics.monitor.azure.us/.default",
        prices="https://prices.azure.com",
        authority="login.microsoftonline.us",
        registries="azurecr.us",
        registry_scope="https://management.usgovcloudapi.net/.default",
        blobs="blob.core.usgovcloudapi.net",
        directory="https://graph.microsoft.us",
        directory_scope="https://graph.microsoft.us/.default",
        learning_suffix="api.ml.azure.us",
        learning_scope="https://ml.azure.us/.default",
        communication="communication.azure.us",
        communication_scope="https://communication.azure.us/.default",
    ),
    "china": Cloud(
        name="china",
        vaults="vault.azure.cn",
        vault_scope="https://vault.azure.cn/.default",
        arm="https://management.chinacloudapi.cn",
        arm_scope="https://management.chinacloudapi.cn/.default",
        metrics_suffix="metrics.monitor.azure.cn",
        metrics_scope="https://metrics.monitor.azure.cn/.default",
        prices="",
        authority="login.chinacloudapi.cn",
        registries="azurecr.cn",
        registry_scope="https://management.chinacloudapi.cn/.default",
        blobs="blob.core.chinacloudapi.cn",
        directory="https://microsoftgraph.chinacloudapi.cn",
        directory_scope="https://microsoftgraph.chinacloudapi.cn/.default",
        learning_suffix="api.ml.azure.cn",
        learning_scope="https://ml.azure.cn/.default",
    ),
}


def cloud_of(settings: AzureSettings) -> Cloud:
    """The cloud that the settings name, or the local server in its place: loopback only, no real token goes there."""
    cloud = CLOUDS[settings.cloud]
    if settings.endpoint is None:
        return cloud
    here = settings.endpoint.rstrip("/")
    parts = _split(here)
    if parts is None or parts.scheme != "http" or parts.hostname not in LOOPBACK:
        raise ConfigError(
            f"azure.endpoint is {settings.endpoint}.", "Give http:// on 127.0.0.1, or leave it out to call Azure."
        )
    return Cloud(
        name="local",
        vault_scope=cloud.vault_scope,
        arm=here,
        arm_scope=cloud.arm_scope,
        metrics_suffix="",
        metrics_scope=cloud.metrics_scope,
        prices=here,
        authority="",
        directory=f"{here}/graph",
        directory_scope=cloud.directory_scope,
        learning_suffix="",
        learning_scope=cloud.learning_scope,
        registry_scope=cloud.registry_scope,
        communication_scope=cloud.communication_scope,
        local=here,
    )


def same_place(url: str, other: str) -> bool:
    """Whether both are on the same scheme, host and port; ":443" is what https means anyway."""
    one, two = _split(url), _split(other)
    return one is not None and two is not None and _place(one) == _place(two)


def _below(url: str, suffix: str) -> bool:
    """Whether `url` is https on one label before `suffix`, on the usual port."""
    parts = _split(url)
    if parts is None or not suffix:
        return False
    return _place(parts) == ("https", f"{(parts.hostname or '').lower().partition('.')[0]}.{suffix}", 443)


def _beside(url: str) -> bool:
    """Whether `url` is a server of this machine that speaks TLS: one that stands for storage beside the local one."""
    parts = _split(url)
    return parts is not None and parts.scheme == "https" and parts.hostname in LOOPBACK


def followed(link: str, base: str, doing: str) -> str:
    """`link` (absolute or relative to `base`) as an address on the host of `base`; any other host is refused.

    Prices' own links name ":443", and a link may carry what parsers disagree about ("\\", "user@"): the address
    is therefore rebuilt from `base` and the link's path and query.
    """
    whole = link if _split(link) is None else urljoin(base, link)
    parts = _split(whole)
    if parts is None or not same_place(whole, base):
        host = (parts.hostname if parts else None) or "an address that cannot be read"
        raise AzureError(
            f"Azure's answer to {doing} points to {host}, which is not {urlsplit(base).hostname}. It was not followed.",
            "Nothing was sent there. If a proxy rewrites addresses, exempt Azure's hosts from it.",
            code="ForeignAddress",
        )
    home = urlsplit(base)
    # the SDK clients take braces for placeholders and drop what they cannot fill
    safe = urlunsplit((home.scheme, home.netloc, parts.path, parts.query, ""))
    return safe.replace("{", "%7B").replace("}", "%7D")


def _split(url: str) -> SplitResult | None:
    if ODD_CHARACTERS.search(url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return None if parts.username is not None or parts.password is not None else parts


def _place(parts: SplitResult) -> tuple[str, str, int | None]:
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or DEFAULT_PORTS.get(scheme)
