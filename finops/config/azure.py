"""The settings of Azure: which one, as whom we read and as whom we change, and how hard."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator, model_validator

from .strict import LOOPBACK, STRICT

Identity = Literal["cli", "managed", "workload"]


class ExecutorSettings(BaseModel):
    """Another identity for what changes Azure, so that the one that reads cannot."""

    model_config = STRICT

    identity: Annotated[
        Identity | None,
        Field(description="Who changes Azure: as azure.identity; empty: whoever reads, or its kind with client_id."),
    ] = None
    client_id: Annotated[str | None, Field(description="Client id of the identity that changes Azure.")] = None
    tenant_id: Annotated[str | None, Field(description="Its Entra tenant; empty: azure.tenant_id.")] = None


class AzureSettings(BaseModel):
    """Which Azure, as whom, and how hard."""

    model_config = STRICT

    cloud: Annotated[Literal["public", "usgovernment", "china"], Field(description="Azure cloud.")] = "public"
    endpoint: Annotated[
        str | None, Field(description="A local server in place of Azure, such as http://127.0.0.1:8000. Loopback only.")
    ] = None
    identity: Annotated[
        Identity,
        Field(description="Who we are: `az login`, a managed identity, or a Kubernetes workload identity."),
    ] = "cli"
    client_id: Annotated[str | None, Field(description="Client id of a user-assigned identity.")] = None
    tenant_id: Annotated[str | None, Field(description="Entra tenant.")] = None
    executor: ExecutorSettings = ExecutorSettings()
    key_vault: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z][0-9A-Za-z-]{1,22}[0-9A-Za-z]$",
            description="Name of the Key Vault in which secrets lie that are given as keyvault:NAME.",
        ),
    ] = None
    subscriptions: Annotated[
        list[str], Field(description="Subscription ids to read; empty: every one that the identity can see.")
    ] = []
    workers: Annotated[int, Field(ge=1, le=64, description="Calls to Azure at the same time.")] = 16
    connect_timeout_seconds: Annotated[float, Field(gt=0, le=60, description="Longest wait for a connection.")] = 10
    read_timeout_seconds: Annotated[
        float, Field(gt=0, le=300, description="Longest silence of Azure within an answer.")
    ] = 60
    call_deadline_seconds: Annotated[
        float, Field(gt=0, le=3600, description="Longest time for one call with all its retries and waits.")
    ] = 120
    max_pages: Annotated[int, Field(ge=1, description="Pages of one list after which we stop with an error.")] = 10_000

    @field_validator("endpoint")
    @classmethod
    def _loopback(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme != "http" or parts.hostname not in LOOPBACK:
            raise ValueError("only http:// on 127.0.0.1, ::1 or localhost is accepted, as no real token may go there")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _two_are_two(self) -> Self:
        own = self.executor
        if own.tenant_id and not (own.identity or own.client_id):
            raise ValueError("executor.tenant_id names no identity: give executor.identity or executor.client_id, too")
        return self

    def acting(self) -> AzureSettings:
        """The same with the identity that changes Azure as its own: these very settings where only one is set."""
        own = self.executor
        if not (own.identity or own.client_id):
            return self
        who = {
            "identity": own.identity or self.identity,
            "client_id": own.client_id,
            "tenant_id": own.tenant_id or self.tenant_id,
        }
        if all(getattr(self, name) == value for name, value in who.items()):
            return self
        return self.model_copy(update={**who, "executor": ExecutorSettings()})
