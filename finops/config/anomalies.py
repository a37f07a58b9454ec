"""Settings of anomalies: what is worth a case, and who is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from .addresses import Mailboxes
from .strict import STRICT


class AnomalySettings(BaseModel):
    """When a day's cost is worth a case."""

    model_config = STRICT

    minimum: Annotated[
        Decimal,
        Field(gt=0, max_digits=24, decimal_places=2, description="Money that it must have come to, over or under."),
    ] = Decimal(50)
    times_usual: Annotated[
        Decimal,
        Field(ge=2, le=20, decimal_places=2, description="How many usual deviations of a day it takes; less is more."),
    ] = Decimal("6.5")
    tell_days: Annotated[
        int, Field(ge=1, le=90, description="Days after its last day for which what is found is still a new case.")
    ] = 14
    raise_days: Annotated[
        int, Field(ge=1, le=366, description="Days for which `false-positive` raises the bar, where none are given.")
    ] = 90
    to: Annotated[Mailboxes, Field(description="Who is told, besides the owner; empty: mail.finance.")] = []
    owners: Annotated[bool, Field(description="Whether the owner of the resource behind it is told, too.")] = False
