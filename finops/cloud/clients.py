"""Microsoft's own SDK clients, one of each, all on one transport and through our pipeline."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from azure.core import PipelineClient
from azure.core.pipeline.transport import RequestsTransport

from .clouds import Cloud
from .credentials import Tokens
from .pipeline import policies
from .retry import Patience

Sender = Callable[..., Any]


class Clients:
    """Builds a client on its first use: importing all of them takes half a second."""

    def __init__(
        self,
        cloud: Cloud,
        tokens: Tokens,
        acting: Tokens,
        transport: RequestsTransport,
        patience: Callable[[Tokens], Patience],
        clock: Callable[[], float],
    ) -> None:
        self._cloud = cloud
        self._tokens = {False: tokens, True: acting}
        self._transport = transport
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._senders: dict[tuple[str, bool], Sender] = {}

    def sender(self, service: str, acting: bool = False) -> Sender:
        """The `send_request` of the client that carries `service`, as who reads or as who changes."""
        with self._lock:
            if (service, acting) not in self._senders:
                self._senders[service, acting] = self._build(service, self._tokens[acting])
            return self._senders[service, acting]

    def _build(self, service: str, tokens: Tokens) -> Sender:
        cloud = self._cloud
        # a policy knows the next one of its own pipeline, so every client gets its own list
        options: dict[str, Any] = {"transport": self._transport}
        # a registry's tokens are its own, see finops.cloud.registry_tokens; signed mail has a signature instead
        if service in {"prices", "registry", "email-signed"}:
            options["policies"] = policies(cloud, self._patience(tokens), None, "", self._clock)
            return PipelineClient(cloud.prices, **options).send_request
        own = {
            "metrics": cloud.metrics_scope,
            "directory": cloud.directory_scope,
            "email": cloud.communication_scope,
            "learning": cloud.learning_scope,
            "storage": cloud.storage_scope,
            "vault": cloud.vault_scope,
        }
        options["policies"] = policies(
            cloud, self._patience(tokens), tokens, own.get(service, cloud.arm_scope), self._clock
        )
        if service in own:
            return PipelineClient(cloud.arm, **options).send_request
        options |= {"base_url": cloud.arm, "credential_scopes": [cloud.arm_scope]}
        if service == "cost":
            from azure.mgmt.costmanagement import CostManagementClient

            return CostManagementClient(tokens, **options).send_request
        if service == "subscriptions":
            from azure.mgmt.resource.subscriptions import SubscriptionClient

            return SubscriptionClient(tokens, **options).send_request
        if service == "policy":
            from azure.mgmt.policyinsights import PolicyInsightsClient

            return PolicyInsightsClient(tokens, "any", **options)._send_request
        if service == "definitions":
            from azure.mgmt.resource.policy import PolicyClient

            return PolicyClient(tokens, "any", **options).send_request
        from azure.mgmt.resource.resources import ResourceManagementClient

        return ResourceManagementClient(tokens, "any", **options).send_request
