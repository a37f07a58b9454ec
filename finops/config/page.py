"""The settings of the approvals page."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr, field_validator

from .strict import STRICT
from .urls import safe


class WebSettings(BaseModel):
    """The approvals page: where it is served, and who may come in as what."""

    model_config = STRICT

    host: Annotated[str, Field(min_length=1, description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 8090
    public_url: Annotated[
        str | None, Field(description="Where people open it, such as https://finops.contoso.com; mails link to it.")
    ] = None
    auth: Annotated[
        Literal["none", "demo", "easyauth", "bearer"],
        Field(description="Who signs people in: nobody, a list of invented people, Easy Auth, or a proxy's token."),
    ] = "none"
    secret_key: Annotated[
        SecretStr | None, Field(description="Signs forms and links; give it as a secret, not in the file.")
    ] = None
    jwks_url: Annotated[str | None, Field(description="With bearer: where the keys of the issuer are.")] = None
    issuer: Annotated[str | None, Field(description="With bearer: the only issuer (iss) that is believed.")] = None
    audience: Annotated[str | None, Field(description="With bearer: the only audience (aud) that is believed.")] = None
    tenant_id: Annotated[
        str | None, Field(description="The only Entra tenant whose people may come in; needed with easyauth.")
    ] = None
    reader_role: Annotated[
        str, Field(min_length=1, description="App role of those who may look, and answer for what is theirs.")
    ] = "FinOps.Reader"
    approver_role: Annotated[str, Field(min_length=1, description="App role of those who may decide.")] = (
        "FinOps.Approver"
    )
    fresh_minutes: Annotated[
        int, Field(ge=0, le=1440, description="Age of a sign-in from which approving asks for a new one; 0: never.")
    ] = 15
    page_rows: Annotated[int, Field(ge=1, le=200, description="Findings a page.")] = 50

    @field_validator("public_url", "jwks_url")
    @classmethod
    def _safe(cls, value: str | None) -> str | None:
        return None if value is None else safe(value).rstrip("/")

    @field_validator("public_url")
    @classmethod
    def _at_the_root(cls, value: str | None) -> str | None:
        if value and (urlsplit(value).path or urlsplit(value).query):
            raise ValueError("the page is served at the root of its host: leave out the path")
        return value
