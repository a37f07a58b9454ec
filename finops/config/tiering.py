"""Settings of access tiers: what may be moved by itself, what is asked about, and how far it may go."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, field_validator

from .scopes import checked, nearest
from .strict import STRICT

# YAML 1.1 reads a bare off as false.
TieringMode = Annotated[Literal["off", "list", "ask", "enforce"], BeforeValidator(lambda v: "off" if v is False else v)]
# https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
_CONTAINER = r"^[a-z0-9](-?[a-z0-9]){2,62}$"


class TieringSettings(BaseModel):
    """Which storage accounts are tiered, and how far that may go."""

    model_config = STRICT

    mode: Annotated[
        TieringMode,
        Field(description="off; list only says; ask applies what was approved; enforce asks only where it archives."),
    ] = "list"
    scopes: Annotated[
        dict[str, TieringMode],
        Field(description="Mode of a subscription, resource group or account, by ARM id; the nearest scope counts."),
    ] = {}
    protect: Annotated[
        dict[str, list[str]],
        Field(description="By account: CONTAINER or CONTAINER/PREFIX of blobs that stay where they are."),
    ] = {}
    reads_a_day: Annotated[
        dict[str, Annotated[float, Field(ge=1)]],
        Field(description="By account: how often a blob is read on a day on which it is; else as Monitor counted."),
    ] = {}
    tracking: Annotated[
        bool, Field(description="Whether last access tracking is turned on where mode is ask or enforce.")
    ] = False
    inventory: Annotated[
        str | None,
        Field(pattern=_CONTAINER, description="Container that a daily blob inventory is set up into; empty: none is."),
    ] = None
    small_account: Annotated[
        int, Field(ge=0, le=5000, description="Blobs up to which an account is moved blob by blob, without rules.")
    ] = 1000
    currency: Annotated[
        str, Field(pattern=r"^[A-Z]{3}$", description="Currency of the prices: the one in which the account is billed.")
    ] = "USD"
    grace_days: Annotated[int, Field(ge=0, le=90, description="Working days from asking to moving.")] = 3
    max_acts: Annotated[
        int, Field(ge=0, description="Changes of one run; if more are due, nothing at all is changed.")
    ] = 20
    max_per_hour: Annotated[int, Field(ge=0, description="The same within an hour, for all runs.")] = 40
    max_monthly_money: Annotated[
        Decimal | None, Field(gt=0, description="The same for what they save a month, in the currency of the prices.")
    ] = None
    max_once: Annotated[
        Decimal | None, Field(gt=0, description="What moving the blobs of one account may cost once, in that currency.")
    ] = None
    max_worst: Annotated[
        Decimal | None, Field(gt=0, description="What reading all of it back may cost, in that currency.")
    ] = None
    kill_switch: Annotated[
        Path, Field(description="While this file exists nothing is changed; it is looked for before each change.")
    ] = Path("finops-data/STOP")

    @field_validator("scopes")
    @classmethod
    def _arm_ids(cls, value: dict[str, str]) -> dict[str, str]:
        return checked(value)

    @field_validator("protect")
    @classmethod
    def _containers(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        for account, texts in value.items():
            for text in texts:
                if not text.partition("/")[0]:
                    raise ValueError(f"'{text}' of {account} names no container; write CONTAINER or CONTAINER/PREFIX")
        return value

    def mode_of(self, account_id: str) -> TieringMode:
        """The mode of one account."""
        return nearest(self.scopes, account_id, self.mode)
