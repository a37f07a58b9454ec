"""The janitor's findings: their lives, the votes on them and their history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MOMENT = sa.String(32)


def upgrade() -> None:
    op.create_table(
        "findings",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        sa.Column("generation", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(200), nullable=False),
        sa.Column("action", sa.String(200), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("risk", sa.String(20), nullable=False),
        sa.Column("monthly_cost", sa.String(60), nullable=False),
        sa.Column("saving", sa.String(60), nullable=False),
        sa.Column("amount", sa.BigInteger),
        sa.Column("currency", sa.String(10), nullable=False),
        sa.Column("dependents", sa.Text, nullable=False),
        sa.Column("not_checked", sa.Text, nullable=False),
        sa.Column("grace_days", sa.Integer, nullable=False),
        sa.Column("quiet", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("alive", sa.Boolean, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("first_at", MOMENT, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("runs", sa.Integer, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("asked_at", MOMENT),
        sa.Column("due_at", MOMENT),
        sa.Column("expires_at", MOMENT),
        sa.Column("approved_until", MOMENT),
        sa.Column("snoozed_until", MOMENT),
        sa.Column("quiet_until", MOMENT),
        sa.Column("restorable_until", MOMENT),
        sa.Column("tombstone", sa.Text),
        sa.Column("requester", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_findings"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_findings_alive",
        "findings",
        ["rule", "resource"],
        unique=True,
        sqlite_where=sa.text("alive IS 1"),
        postgresql_where=sa.text("alive IS true"),
    )
    op.create_index("ix_findings_resource", "findings", ["resource"])
    op.create_index("ix_findings_status", "findings", ["status", "amount", "currency", "risk", "rule"])
    op.create_table(
        "votes",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("finding", sa.Integer, nullable=False),
        sa.Column("oid", sa.String(200), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("says", sa.String(20), nullable=False),
        sa.Column("digest", sa.String(200), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("ended", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_votes"),
        sa.ForeignKeyConstraint(["finding"], ["findings.number"], name="fk_votes_finding"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_votes_standing",
        "votes",
        ["finding", "oid", "says"],
        unique=True,
        sqlite_where=sa.text("ended = ''"),
        postgresql_where=sa.text("ended = ''"),
    )
    op.create_table(
        "events",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("finding", sa.Integer, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("before", sa.String(20), nullable=False),
        sa.Column("after", sa.String(20), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("digest", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_events"),
        sa.ForeignKeyConstraint(["finding"], ["findings.number"], name="fk_events_finding"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_finding", "events", ["finding"])
