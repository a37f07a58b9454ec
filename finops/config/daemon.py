"""The settings of the daemon: when each duty is due, who leads, and where it is seen from outside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, field_validator

from .addresses import Mailboxes
from .events import EventSettings
from .listening import Listen
from .secrets import LiveSecret, at_hand
from .strict import STRICT
from .urls import safe
from .zones import TimeZone


def _texts(value: Any) -> Any:
    """YAML 1.1 reads a bare off as false."""
    if isinstance(value, Mapping):
        return {name: "off" if text is False else text for name, text in value.items()}
    return value


class DaemonSettings(BaseModel):
    """When duties are due, and how the daemon is watched."""

    model_config = STRICT

    schedule: Annotated[
        dict[str, str],
        BeforeValidator(_texts),
        Field(description="When a duty is due, where it is not as shipped, such as report: off; see daemon.md."),
    ] = {}
    time_zone: Annotated[
        TimeZone | None,
        Field(description="Where those times are counted, such as Europe/Berlin; empty: janitor.time_zone."),
    ] = None
    lease_seconds: Annotated[
        float, Field(ge=5, le=50, description="Seconds of silence after which another replica takes over.")
    ] = 40
    listen: Annotated[
        Listen | None,
        Field(description="Where /healthz, /readyz and /metrics listen, such as 0.0.0.0:9464; empty: nowhere."),
    ] = "127.0.0.1:9464"
    hosts: Annotated[
        list[Annotated[str, Field(min_length=1)]],
        Field(description="Names by which it is asked there, beside addresses, such as finops.monitoring.svc."),
    ] = []
    heartbeat_seconds: Annotated[
        float, Field(ge=30, le=3600, description="Seconds without a beat of the loop after which it counts as dead.")
    ] = 120
    operators: Annotated[
        Mailboxes, Field(description="Who is told when a duty is late; empty: guard.admins, else mail.finance.")
    ] = []
    ping_url: Annotated[
        SecretStr | None, Field(description="Asked while all is well, so that an outside watcher notices silence.")
    ] = None
    log_form: Annotated[
        Literal["auto", "json", "text"], Field(description="What is logged: JSON lines; auto: text on a terminal.")
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="From which level on it is logged.")
    ] = "info"
    events: EventSettings = EventSettings()

    @field_validator("schedule")
    @classmethod
    def _named(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not re.fullmatch(r"[a-z][a-z-]{0,99}", name):
                raise ValueError(f"'{name}' is no duty; `finops daemon status` lists them")
        return value

    @field_validator("ping_url")
    @classmethod
    def _safe(cls, value: SecretStr | None) -> SecretStr | None:
        text = at_hand(value)
        if text is None:
            return value
        text = text.strip()
        if not text:
            return None
        safe(text)
        return value if isinstance(value, LiveSecret) else SecretStr(text)
