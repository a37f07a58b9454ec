"""The first schema: sightings, tellings, keepsakes, intents and the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

MOMENT = sa.String(32)


def upgrade() -> None:
    op.create_table(
        "sightings",
        sa.Column("what", sa.String(200), nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(200), nullable=False),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("what", "resource", "fingerprint", name="pk_sightings"),
    )
    op.create_table(
        "tellings",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("told_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_tellings"),
    )
    op.create_table(
        "keepsakes",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("kept_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_keepsakes"),
    )
    op.create_table(
        "intents",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        sa.Column("workspace", sa.Text, nullable=False),
        sa.Column("generation", sa.Text),
        sa.Column("api_version", sa.String(40), nullable=False),
        sa.Column("action", sa.String(200), nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("afterwards", sa.Text, nullable=False),
        sa.Column("saving", sa.String(60), nullable=False),
        sa.Column("opened_at", MOMENT, nullable=False),
        sa.Column("outcome", sa.String(40)),
        sa.Column("outcome_why", sa.Text),
        sa.Column("closed_at", MOMENT),
        sa.PrimaryKeyConstraint("number", name="pk_intents"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_intents_opened_at", "intents", ["opened_at"])
    op.create_index(
        "uq_intents_open",
        "intents",
        ["workspace"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("intent", sa.Integer),
        sa.Column("keyed", sa.Boolean, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
        sa.ForeignKeyConstraint(["intent"], ["intents.number"], name="fk_audit_intent"),
        sa.UniqueConstraint("hash", name="uq_audit_hash"),
    )
