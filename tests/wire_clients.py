"""Microsoft's real clients, pointed at a simulator on plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from azure.core.credentials import AccessToken
from azure.core.pipeline.policies import SansIOHTTPPolicy
from estates import PROD, write_estate

from finops.simulator import Served, serving


class AllowHttp(SansIOHTTPPolicy[Any, Any]):
    """Lets a bearer token go over plain HTTP; the one switch that every client of Microsoft's honours."""

    def on_request(self, request: Any) -> None:
        request.context["enforce_https"] = False


class Token:
    """A credential that is nobody's."""

    def __init__(self, text: str = "simulated") -> None:
        self.text = text

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(self.text, 4_102_444_800)


class Clients:
    """The clients, made when asked for, closed together."""

    def __init__(self, served: Served, subscription: str = PROD, token: str = "simulated", **options: Any) -> None:
        self.served = served
        self.subscription = subscription
        self._token = Token(token)
        self._options = {"per_call_policies": [AllowHttp()], "polling_interval": 0, **options}
        self._made: list[Any] = []

    def _make(self, kind: Any, *more: Any, **options: Any) -> Any:
        made = kind(*more, **{**self._options, **options})
        self._made.append(made)
        return made

    @property
    def resources(self) -> Any:
        from azure.mgmt.resource.resources import ResourceManagementClient

        return self._make(ResourceManagementClient, self._token, self.subscription, self.served.url)

    @property
    def subscriptions(self) -> Any:
        from azure.mgmt.resource.subscriptions import SubscriptionClient

        return self._make(SubscriptionClient, self._token, self.served.url)

    @property
    def locks(self) -> Any:
        from azure.mgmt.resource.locks import ManagementLockClient

        return self._make(ManagementLockClient, self._token, self.subscription, self.served.url)

    @property
    def authorization(self) -> Any:
        from azure.mgmt.authorization import AuthorizationManagementClient

        return self._make(AuthorizationManagementClient, self._token, self.subscription, base_url=self.served.url)

    @property
    def graph(self) -> Any:
        from azure.mgmt.resourcegraph import ResourceGraphClient

        return self._make(ResourceGraphClient, self._token, self.served.url)

    @property
    def monitor(self) -> Any:
        from azure.mgmt.monitor import MonitorManagementClient

        return self._make(MonitorManagementClient, self._token, self.subscription, self.served.url)

    @property
    def batch(self) -> Any:
        from azure.monitor.querymetrics import MetricsClient

        return self._make(MetricsClient, self.served.url, self._token)

    @property
    def http(self) -> httpx.Client:
        made = httpx.Client(base_url=self.served.url, timeout=60)
        self._made.append(made)
        return made

    def close(self) -> None:
        for made in self._made:
            made.close()


@contextmanager
def azure(folder: Path, *, estate: Path | None = None, token: str = "simulated", **options: Any) -> Iterator[Clients]:
    """Clients of a simulator that serves the small estate, or `estate`."""
    client_options = {name: options.pop(name) for name in ("retry_total",) if name in options}
    options.setdefault("retry_after", 0)
    with serving(estate or write_estate(folder / "estate"), **options) as served:
        clients = Clients(served, token=token, **client_options)
        try:
            yield clients
        finally:
            clients.close()
