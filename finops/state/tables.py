"""The tables as the code sees them. What the database really has is made by the migrations; a test compares the two."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, MetaData, String, Table, Text

# Named, so that a later migration can change each on either database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Times are ISO 8601 text in UTC with microseconds: they sort, and read the same on both databases.
MOMENT = String(32)

sightings = Table(
    "sightings",
    metadata,
    Column("what", String(200), primary_key=True),
    Column("resource", Text, primary_key=True),  # in lower case
    Column("fingerprint", String(200), primary_key=True),
    Column("first_at", MOMENT, nullable=False),
    Column("last_at", MOMENT, nullable=False),
)

tellings = Table(
    "tellings",
    metadata,
    Column("key", Text, primary_key=True),
    Column("told_at", MOMENT, nullable=False),
)

keepsakes = Table(
    "keepsakes",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),  # canonical JSON
    Column("kept_at", MOMENT, nullable=False),
)

intents = Table(
    "intents",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("run", String(64), nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("workspace", Text, nullable=False),  # in lower case; what is changed one at a time
    Column("generation", Text),  # null: nothing may be there yet
    Column("api_version", String(40), nullable=False),
    Column("action", String(200), nullable=False),
    Column("rule", String(200), nullable=False),
    Column("why", Text, nullable=False),
    Column("who", String(200), nullable=False),
    Column("decision", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # canonical JSON
    Column("afterwards", Text, nullable=False),  # canonical JSON; null: it is gone
    Column("saving", String(60), nullable=False),  # a month, in BillingCurrency; "" unknown
    Column("opened_at", MOMENT, nullable=False),
    Column("outcome", String(40)),  # null: not known yet
    Column("outcome_why", Text),
    Column("closed_at", MOMENT),
    sqlite_autoincrement=True,  # a number is never given twice
)
# At most one open intent per workspace, whoever asks.
Index("uq_intents_open", intents.c.workspace, unique=True, sqlite_where=intents.c.outcome.is_(None),
      postgresql_where=intents.c.outcome.is_(None))  # fmt: skip
Index("ix_intents_opened_at", intents.c.opened_at)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", MOMENT, nullable=False),
    Column("who", String(200), nullable=False),
    Column("what", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # canonical JSON
    Column("intent", Integer, ForeignKey("intents.number")),
    Column("keyed", Boolean, nullable=False),  # sealed with a key that is not in the database
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
)
