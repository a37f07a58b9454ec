"""The settings that exist, with their units, defaults and what they are for."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, SecretStr, field_validator, model_validator

from finops.config.azure import AzureSettings

from .addresses import Mailbox
from .anomalies import AnomalySettings
from .budgets import Budgets, WatchSettings
from .daemon import DaemonSettings
from .mailing import MailSettings
from .page import WebSettings
from .retention import KeepSettings
from .scopes import checked, nearest
from .strict import LOOPBACK, STRICT
from .tiering import TieringSettings
from .zones import TimeZone

__all__ = ["LOOPBACK", "AzureSettings", "MailSettings", "Section", "Settings", "WebSettings"]

Mode = Literal["audit", "warn", "enforce"]
# YAML 1.1 reads a bare off as false.
JanitorMode = Annotated[Literal["off", "list", "ask", "act"], BeforeValidator(lambda v: "off" if v is False else v)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def _of_yaml(value: Any) -> Any:
    """YAML 1.1 reads 17:00 as the number 17 x 60, and pydantic would read that as 17 minutes past midnight."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return f"{value // 60:02}:{value % 60:02}" if is_number and 0 <= value < 24 * 60 else value


Clock = Annotated[time, BeforeValidator(_of_yaml)]


class Section(BaseModel):
    model_config = STRICT


class ChargesSettings(Section):
    """Where charges come from."""

    store: Annotated[Path, Field(description="Folder in which charges are kept as Parquet.")] = Path(
        "finops-data/charges"
    )
    sources: Annotated[
        list[str], Field(description="Files, folders or globs of cost data; empty: ask Cost Management.")
    ] = []
    late_hours: Annotated[
        int,
        Field(ge=0, le=72, description="Hours after which Azure has published a day's charges (8 to 24, Microsoft)."),
    ] = 24
    memory: Annotated[
        str,
        Field(pattern=r"^\d+(\.\d+)?(MB|GB|MiB|GiB)$", description="Memory for questions about charges; 2GB or more."),
    ] = "2GB"
    threads: Annotated[
        int | None, Field(ge=1, le=256, description="Threads for questions about charges; empty: every core.")
    ] = None


class ReportSettings(Section):
    """What finance reads."""

    organisation: Annotated[str, Field(min_length=1, description="Name in the report's heading.")] = "Your organisation"
    basis: Annotated[
        Literal["effective", "billed"], Field(description="EffectiveCost (amortised) or BilledCost (as invoiced).")
    ] = "effective"
    week_ends: Annotated[
        Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
        Field(description="Last day of the reported week, UTC."),
    ] = "saturday"
    currency: Annotated[
        str | None, Field(pattern=r"^[A-Z]{3}$", description="BillingCurrency to report when charges hold several.")
    ] = None
    cost_centres: Annotated[
        dict[str, str], Field(description="Names to print beside CostCenter values, such as CC-4300: LLM Platform.")
    ] = {}
    audiences: Annotated[
        dict[str, Annotated[list[Mailbox], Field(min_length=1)]],
        Field(description="Who gets one cost centre's share, by CostCenter, such as CC-4300: [a@b.example]."),
    ] = {}
    untagged_target: Annotated[
        Decimal, Field(ge=0, le=100, description="Percent of the cost that may lack a cost centre.")
    ] = Decimal(2)
    top: Annotated[int, Field(ge=1, le=40, description="Rows of a table before the rest becomes 'Other'.")] = 12
    locale: Annotated[
        str,
        Field(
            pattern=r"^[a-z]{2,3}(_[A-Z][a-z]{3})?(_([A-Z]{2}|\d{3}))?$",
            description="How amounts and dates are written, such as de_DE; en: $8,601 on 21 Nov 2026.",
        ),
    ] = "en"
    attach: Annotated[
        list[Literal["csv", "pdf"]],
        Field(description="What the mail carries beside the workbook: csv (the lines), pdf (needs aml-finops[pdf])."),
    ] = []
    archive: Annotated[
        Path | None,
        Field(description="Folder that keeps every sent report, with an index; empty: reports beside mail.outbox."),
    ] = None
    checkpoints: Annotated[
        list[str],
        Field(description="Folders of training jobs' checkpoints, here or https: what evictions cost is read there."),
    ] = []


class StateSettings(Section):
    """Where it is remembered who was told, what was done, and why."""

    url: Annotated[
        str, Field(min_length=1, description="Path of an SQLite file, or postgresql://user@host/database.")
    ] = "finops-data/state.db"
    audit_key: Annotated[
        SecretStr | None, Field(description="Seals the audit trail; give it as a secret, not in the file.")
    ] = None
    keep: KeepSettings = KeepSettings()


class GuardSettings(Section):
    """What the guard enforces, where, and how far it may go."""

    mode: Annotated[
        Mode, Field(description="What the guard does: audit lists, warn also tells owners, enforce also changes.")
    ] = "audit"
    scopes: Annotated[
        dict[str, Mode],
        Field(description="Mode of a subscription, resource group or resource, by ARM id; the nearest scope counts."),
    ] = {}
    environment_tag: Annotated[str, Field(min_length=1, description="Tag that names the environment.")] = "Environment"
    dev: Annotated[
        list[str], Field(description="Its values, in any case, for which clusters must be spot and scale to zero.")
    ] = ["dev", "development", "sandbox"]
    dev_groups: Annotated[
        list[str], Field(description="Resource groups that count as dev where no tag says otherwise; * stands for any.")
    ] = ["*-dev", "dev-*", "*-sandbox"]
    dev_subscriptions: Annotated[
        list[str], Field(description="GUIDs of subscriptions that count as dev where no tag says otherwise.")
    ] = []
    grace_days: Annotated[
        int, Field(ge=0, le=90, description="Days from telling the owner of a dedicated cluster to enforcing.")
    ] = 7
    recreate: Annotated[
        Literal["never", "allow"], Field(description="Whether a drained dedicated cluster may be made anew as spot.")
    ] = "never"
    min_nodes: Annotated[
        int, Field(ge=0, description="Nodes that a dev cluster may keep while nothing runs; more is set to this.")
    ] = 0
    idle_minutes: Annotated[
        int, Field(ge=1, le=1440, description="Longest idle time before a dev cluster lets go of a node.")
    ] = 15
    near_percent: Annotated[
        int, Field(ge=1, le=100, description="Spot price in percent of the dedicated one from which to warn.")
    ] = 80
    cost_centers: Annotated[
        list[str], Field(description="Allowed CostCenter values, as spelt; empty: any value is taken.")
    ] = []
    exemptions: Annotated[Path | None, Field(description="YAML file of exemptions.")] = None
    exemption_days: Annotated[
        int, Field(ge=1, le=3660, description="Longest that an exemption may last from today.")
    ] = 366
    expiring_days: Annotated[
        int, Field(ge=1, le=90, description="Days before its end at which an exemption's owner is told.")
    ] = 14
    admins: Annotated[
        list[Mailbox], Field(description="Who is told where nobody is known as the owner, or cannot be mailed.")
    ] = []
    max_acts: Annotated[
        int, Field(ge=0, description="Changes of one run; if more are due, nothing at all is changed.")
    ] = 20
    max_per_hour: Annotated[
        int, Field(ge=0, description="The same within an hour, for all runs and with what is made anew.")
    ] = 40
    max_percent: Annotated[
        int, Field(ge=0, le=100, description="The same in percent of all that the rules look at.")
    ] = 25
    max_per_owner: Annotated[int, Field(ge=0, description="The same for one owner.")] = 10
    max_monthly_money: Annotated[
        Decimal | None, Field(gt=0, description="The same for what they cost a month, in BillingCurrency units.")
    ] = None
    kill_switch: Annotated[
        Path, Field(description="While this file exists nothing is changed; it is looked for before each change.")
    ] = Path("finops-data/STOP")

    @field_validator("scopes")
    @classmethod
    def _arm_ids(cls, value: dict[str, str]) -> dict[str, str]:
        return checked(value)

    def mode_of(self, resource_id: str) -> Mode:
        """The mode of one resource."""
        return nearest(self.scopes, resource_id, self.mode)


class RuleSettings(Section):
    """What differs for one rule of the janitor."""

    mode: Annotated[JanitorMode | None, Field(description="As janitor.mode.")] = None
    parameters: Annotated[dict[str, Any], Field(description="Values of the rule's parameters.")] = {}
    grace_days: Annotated[int | None, Field(ge=0, le=90, description="Working days from asking to acting.")] = None
    persist_runs: Annotated[int | None, Field(ge=1, le=100, description="Sweeps in a row before anybody is asked.")] = (
        None
    )
    quiet_days: Annotated[int | None, Field(ge=0, le=90, description="Days of the quiet step; 0: none.")] = None


class JanitorSettings(Section):
    """What counts as waste, whom the janitor asks, when, and how far it may go."""

    mode: Annotated[
        JanitorMode,
        Field(description="off; list only lists; ask also asks owners and approvers; act also does what was approved."),
    ] = "list"
    rules: Annotated[
        dict[str, RuleSettings],
        Field(description="By rule: mode, parameters, grace_days, persist_runs, quiet_days where they differ."),
    ] = {}
    approvers: Annotated[
        dict[str, list[Mailbox]],
        Field(description="Who is asked to approve, by ARM scope, / for everything; the nearest scope counts."),
    ] = {}
    ownerless_days: Annotated[
        int, Field(ge=0, le=90, description="Working days of grace on top where nobody is known as the owner.")
    ] = 5
    run_hours: Annotated[
        float, Field(ge=0, le=168, description="Hours between two sweeps for them to count as two.")
    ] = 20
    request_days: Annotated[int, Field(ge=1, le=90, description="Days after which an undecided request expires.")] = 14
    approval_days: Annotated[
        int, Field(ge=1, le=30, description="Days that an approval holds, from the end of the grace.")
    ] = 7
    remind_days: Annotated[int, Field(ge=0, le=30, description="Days before a request expires to remind of it.")] = 3
    again_days: Annotated[
        int, Field(ge=1, le=365, description="Days after a request expired until it is made again.")
    ] = 14
    snooze_days: Annotated[
        int, Field(ge=1, le=180, description="Days of a snooze or an exemption where no end is given.")
    ] = 30
    longest_days: Annotated[
        int, Field(ge=1, le=366, description="Longest snooze or exemption; a denial holds as long.")
    ] = 180
    restore_days: Annotated[int, Field(ge=1, le=3660, description="Days that what was deleted can be restored.")] = 30
    high_risk_cost: Annotated[
        Decimal, Field(gt=0, description="Cost of 30 days, in BillingCurrency units, from which two must approve.")
    ] = Decimal(1000)
    time_zone: Annotated[
        TimeZone, Field(description="Where working days and hours are counted, such as Europe/Berlin.")
    ] = "UTC"
    weekend: Annotated[list[Weekday], Field(description="Days of the week on which nobody works.")] = [
        "saturday",
        "sunday",
    ]
    holidays: Annotated[list[date], Field(description="Other days on which nobody works.")] = []
    work_from: Annotated[
        Clock, Field(description="Start of the hours in which things may be changed, on working days.")
    ] = time(8)
    work_until: Annotated[Clock, Field(description="Their end.")] = time(17)
    quiet_from: Annotated[
        Clock, Field(description="Start of the hours in which no mail leaves; days without work are quiet, too.")
    ] = time(20)
    quiet_until: Annotated[Clock, Field(description="Their end.")] = time(7)
    keep_newest: Annotated[
        int, Field(ge=0, le=10_000, description="Newest images of each repository that are always kept.")
    ] = 3
    job_days: Annotated[int, Field(ge=1, le=3660, description="Days for which the image of a job is still needed.")] = (
        90
    )
    image_files: Annotated[
        list[Path], Field(description="Files that name images which Azure cannot tell of, see images.md.")
    ] = []
    max_acts: Annotated[
        int, Field(ge=0, description="Changes of one run; if more are due, nothing at all is changed.")
    ] = 20
    max_percent: Annotated[
        int, Field(ge=0, le=100, description="The same in percent of all that the rules look at.")
    ] = 25
    max_per_owner: Annotated[int, Field(ge=0, description="The same for one owner.")] = 10
    max_monthly_money: Annotated[
        Decimal | None, Field(gt=0, description="The same for what they cost a month, in BillingCurrency units.")
    ] = None
    max_regret_percent: Annotated[
        Decimal, Field(ge=0, le=100, description="Share of rehearsed deletions used later from which no rule may act.")
    ] = Decimal(1)
    kill_switch: Annotated[
        Path, Field(description="While this file exists nothing is changed; it is looked for before each change.")
    ] = Path("finops-data/STOP")
    tombstones: Annotated[Path, Field(description="Folder of what is needed to make deleted things again.")] = Path(
        "finops-data/tombstones"
    )

    @field_validator("approvers")
    @classmethod
    def _scopes(cls, value: dict[str, list[str]]) -> dict[str, list[str]]:
        return checked(value, ", or / for everything")

    @model_validator(mode="after")
    def _some_time_to_work(self) -> Self:
        if self.work_from >= self.work_until:
            raise ValueError("work_from must be before work_until")
        if len(set(self.weekend)) == 7:
            raise ValueError("weekend leaves no day to work")
        if self.snooze_days > self.longest_days:
            raise ValueError("snooze_days must not be more than longest_days")
        return self

    def mode_of(self, rule: str) -> JanitorMode:
        """The mode of one rule."""
        own = self.rules.get(rule)
        return own.mode if own and own.mode else self.mode


class FolderSettings(Section):
    """Folders of your own that win over the shipped ones."""

    reports: Annotated[Path | None, Field(description="Templates and styles of the report and the mails.")] = None
    janitor: Annotated[Path | None, Field(description="Rules of the janitor.")] = None


class Settings(Section):
    anomalies: AnomalySettings = AnomalySettings()
    azure: AzureSettings = AzureSettings()
    budgets: Annotated[Budgets, Field(description="Budgets by name; `all: 1000` is 1,000 a month for everything.")] = {}
    charges: ChargesSettings = ChargesSettings()
    daemon: DaemonSettings = DaemonSettings()
    report: ReportSettings = ReportSettings()
    mail: MailSettings = MailSettings()
    watch: WatchSettings = WatchSettings()
    state: StateSettings = StateSettings()
    guard: GuardSettings = GuardSettings()
    janitor: JanitorSettings = JanitorSettings()
    tiering: TieringSettings = TieringSettings()
    web: WebSettings = WebSettings()
    folders: FolderSettings = FolderSettings()
