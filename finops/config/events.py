"""The settings of the webhook that Azure Event Grid posts to."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from .listening import Listen
from .secrets import at_hand
from .strict import STRICT
from .urls import safe

# Event Grid's own application, the same in every tenant: https://learn.microsoft.com/azure/event-grid/secure-webhook-delivery
EVENT_GRID = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
SHORTEST_SECRET = 32
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\Z")


class EventSettings(BaseModel):
    """Events of Azure beside polling: where Event Grid posts them, who may, and how soon they wake the guard."""

    model_config = STRICT

    listen: Annotated[
        Listen | None,
        Field(description="Where the webhook listens, such as 0.0.0.0:9465; empty: no webhook, the guard only polls."),
    ] = None
    url: Annotated[
        str | None, Field(description="The https:// address that Event Grid posts to; its path is the webhook's.")
    ] = None
    tenant_id: Annotated[str | None, Field(description="Entra tenant whose tokens are believed.")] = None
    audience: Annotated[
        list[str], Field(description="Application id or URI that tokens are for; empty: tokens are not believed.")
    ] = []
    senders: Annotated[
        list[str], Field(min_length=1, description="Application ids (appid, azp) that may post; Event Grid's own.")
    ] = [EVENT_GRID]
    issuers: Annotated[
        list[str], Field(description="The only issuers (iss) that are believed; empty: Entra's, of that tenant.")
    ] = []
    jwks_url: Annotated[
        str | None, Field(description="Where the issuer's keys are; empty: where Entra has them, of that tenant.")
    ] = None
    secret: Annotated[
        SecretStr | None,
        Field(description="Whoever sends it may post, in a header or the query; give it as a secret, not in the file."),
    ] = None
    secret_before: Annotated[
        SecretStr | None, Field(description="The secret that was: taken, too, until Azure sends the new one.")
    ] = None
    origins: Annotated[
        list[str], Field(description="Who may ask, by the handshake of CloudEvents, to send us events.")
    ] = ["eventgrid.azure.net"]
    handshake: Annotated[
        Literal["answer", "by hand"],
        Field(description="Whether we agree to be sent events; by hand: the log names the address to open."),
    ] = "answer"
    quiet_seconds: Annotated[
        float, Field(ge=0, le=60, description="Seconds without a further event after which the guard is woken.")
    ] = 1
    longest_seconds: Annotated[
        float, Field(ge=0, le=600, description="Seconds after the first event when it is woken at the latest.")
    ] = 10
    apart_seconds: Annotated[
        float, Field(ge=0, le=3600, description="Seconds from waking it to waking it again, whatever happens.")
    ] = 60
    again_seconds: Annotated[
        float,
        Field(ge=0, le=3600, description="Seconds after which it looks again, as Resource Graph lags; 0: it does not."),
    ] = 60

    @field_validator("url", "jwks_url")
    @classmethod
    def _safe(cls, value: str | None) -> str | None:
        return None if value is None else safe(value)

    @field_validator("url")
    @classmethod
    def _without_query(cls, value: str | None) -> str | None:
        if value and urlsplit(value).query:
            raise ValueError("leave out what follows the question mark: secrets have settings of their own")
        return value

    @field_validator("secret", "secret_before")
    @classmethod
    def _long(cls, value: SecretStr | None) -> SecretStr | None:
        text = at_hand(value)
        if text is not None and len(text) < SHORTEST_SECRET:
            raise ValueError(f"it is shorter than {SHORTEST_SECRET} characters: make one with `openssl rand -hex 32`")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.audience and not (self.tenant_id or (self.issuers and self.jwks_url)):
            raise ValueError("audience is set and tenant_id is missing: set the Entra tenant whose tokens are believed")
        if self.tenant_id and not _GUID.match(self.tenant_id):
            raise ValueError("tenant_id must be the tenant's GUID, as tokens name it by that")
        if self.secret_before and not self.secret:
            raise ValueError("secret_before is set and secret is not: set the new one")
        if self.longest_seconds < self.quiet_seconds:
            raise ValueError("longest_seconds must not be less than quiet_seconds")
        return self

    @property
    def path(self) -> str:
        """The path that the webhook answers at."""
        return (urlsplit(self.url).path if self.url else "") or "/"
