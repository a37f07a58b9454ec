"""What tiering talks of: what a tier costs, an account, what is protected, what a move and a read cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

# Hottest first: storage gets cheaper and reading dearer from left to right.
TIERS = ("Hot", "Cool", "Cold", "Archive")

# What Azure sells as 1 GB of storage.
GB = 2**30

# A blob deleted, overwritten or moved before so many days in its tier is charged for the rest of them.
# https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview
EARLY_DAYS: Mapping[str, int] = {"Hot": 0, "Cool": 30, "Cold": 90, "Archive": 180}

# Archive is offered where no zone redundancy is: not to ZRS, GZRS and RA-GZRS accounts.
# https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview#archive-access-tier
ARCHIVING = frozenset({"LRS", "GRS", "RAGRS"})

# Leaving a tier too early is charged by months of 30 days: 90 days too early in Archive are 3 months at $0.002.
# https://learn.microsoft.com/azure/storage/blobs/cost-estimate-archive-retrieval-set-tier
EARLY_MONTH_DAYS = 30

Amount = TypeVar("Amount", float, Decimal)


def spread(month: Amount, days: int | Amount) -> Amount:
    """What costs `month` a month, for so many days: keeping is billed by the twelfth of a year, 730 hours."""
    return month * 12 * days / 365


@dataclass(frozen=True)
class Step:
    """From `from_gb` GB in the tier on, each GB costs `amount` a month."""

    from_gb: Decimal
    amount: Decimal


@dataclass(frozen=True)
class TierRates:
    """What one tier costs. stored: for a GB-month, by how much is in it, lowest step first, never empty.

    write_10k, read_10k, other_10k: for 10,000 operations, the last one None where no price is published.
    retrieval_gb, write_gb: for a GB read or written. early_days: how long a blob must stay.
    early_gb: for a GB-month that a blob leaves too early, None: as stored_gb.
    min_bytes: a smaller blob is billed as this large. high_read_10k, high_retrieval_gb: rehydration at high
    priority, None where there is none (or no price). tags_10k_month: for 10,000 index tags kept a month, or None.
    """

    tier: str
    stored: tuple[Step, ...]
    write_10k: Decimal
    read_10k: Decimal
    other_10k: Decimal | None = None
    retrieval_gb: Decimal = Decimal(0)
    write_gb: Decimal = Decimal(0)
    early_days: int = 0
    min_bytes: int = 0
    high_read_10k: Decimal | None = None
    high_retrieval_gb: Decimal | None = None
    tags_10k_month: Decimal | None = None
    early_gb: Decimal | None = None

    @property
    def stored_gb(self) -> Decimal:
        """For a GB-month, by the first step: the most that it can cost."""
        return self.stored[0].amount

    @property
    def early_rate(self) -> Decimal:
        """For a GB-month that a blob leaves too early."""
        return self.stored_gb if self.early_gb is None else self.early_gb

    def stored_at(self, gb: Decimal) -> Decimal:
        """For one GB-month more where the tier holds `gb` GB already."""
        return [step.amount for step in self.stored if step.from_gb <= gb][-1]


@dataclass(frozen=True)
class Rates:
    """What the tiers of accounts of one kind cost in one region, in force at `at`.

    tiers: by Azure's name, only those whose price is known whole. missing: what has no price, and why, as sentences.
    smart_10k_month: what smart tier takes for watching 10,000 blobs a month, None where no price is published.
    """

    region: str
    redundancy: str
    hns: bool
    currency: str
    tiers: Mapping[str, TierRates]
    at: datetime
    missing: tuple[str, ...] = ()
    smart_10k_month: Decimal | None = None


@dataclass(frozen=True)
class UnknownRates:
    """No rates, and why. Never zero: zero is a price."""

    reason: str


@dataclass(frozen=True)
class Account:
    """A storage account, as far as tiering needs it. id: in lower case. default_tier: of blobs that have no own tier.

    redundancy: LRS, ZRS, GRS, RAGRS, GZRS or RAGZRS. tracking: whether Azure notes when a blob is read.
    tiers: those its blobs can be in. refusal: why nothing is planned for it, "" where something may be.
    created: None where Azure does not say; what small blobs are billed as hangs on it.
    """

    id: str
    name: str
    subscription: str
    region: str
    redundancy: str
    kind: str
    hns: bool
    default_tier: str
    tracking: bool = False
    smart: bool = False
    versioning: bool = False
    tiers: tuple[str, ...] = ()
    refusal: str = ""
    created: datetime | None = None


@dataclass(frozen=True)
class Protected:
    """Blobs that stay where they are. prefix: "" is the whole container; container: "" is the whole account.

    reason: as a person reads it. source: who says so (a setting, the id of a data asset, a container's policy).
    """

    container: str
    prefix: str
    reason: str
    source: str

    def covers(self, container: str, name: str) -> bool:
        return (not self.container or self.container == container) and name.startswith(self.prefix)


@dataclass(frozen=True)
class Aside:
    """Blobs that are not considered, and why."""

    reason: str
    blobs: int
    bytes: int


@dataclass(frozen=True)
class Aged:
    """Considered blobs of one age: in tier `before` today, in `after` by the rules. days: since their last use, the
    first of their age in schema.AGES."""

    days: int
    before: str
    after: str
    blobs: int
    bytes: int


@dataclass(frozen=True)
class MoveCost:
    """What moving blobs costs once: Set Blob Tier's operations, reading them out, leaving a tier too early."""

    operations: Decimal
    retrieval: Decimal
    early: Decimal

    @property
    def total(self) -> Decimal:
        return self.operations + self.retrieval + self.early


@dataclass(frozen=True)
class ReadCost:
    """What reading blobs back once costs; from Archive that is rehydrating them to an online tier."""

    operations: Decimal
    retrieval: Decimal

    @property
    def total(self) -> Decimal:
        return self.operations + self.retrieval
