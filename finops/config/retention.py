"""For how long the state keeps what."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from .strict import STRICT


class KeepSettings(BaseModel):
    """Days after which the state forgets. Never: the audit trail, acts, and what reports reckon savings from."""

    model_config = STRICT

    runs_days: Annotated[int, Field(ge=35, le=3650, description="Days for which runs of duties are kept.")] = 400
    events_days: Annotated[
        int, Field(ge=2, le=3650, description="The same for events that came in by the webhook.")
    ] = 30
    evidence_days: Annotated[
        int, Field(ge=30, le=3650, description="The same for the evidence of findings that ended without an act.")
    ] = 180
    sightings_days: Annotated[
        int, Field(ge=60, le=3650, description="The same for when something was first seen, once it is seen no more.")
    ] = 180
    tellings_days: Annotated[
        int, Field(ge=400, le=3650, description="The same for what was told; what still stands then is told again.")
    ] = 800
    letters_days: Annotated[
        int, Field(ge=400, le=3650, description="The same for letters that everybody got; their content goes earlier.")
    ] = 800
