"""The daemon: every run of a duty, who leads, and the events that came in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

MOMENT = sa.String(32)
UNDER_WAY = "ended_at IS NULL"
SETTLED = "outcome IN ('', 'done', 'partial')"


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("job", sa.String(100), nullable=False),
        sa.Column("slot", MOMENT, nullable=False),
        sa.Column("first_slot", MOMENT, nullable=False),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("asked", sa.String(20), nullable=False),
        sa.Column("run", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_runs"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_job", "runs", ["job", "slot"])
    op.create_index("ix_runs_began_at", "runs", ["began_at"])
    for name, columns, where in (("uq_runs_open", ["job"], UNDER_WAY), ("uq_runs_slot", ["job", "slot"], SETTLED)):
        op.create_index(
            name, "runs", columns, unique=True, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
        )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("fence", sa.Integer, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )
    op.create_table(
        "events_seen",
        sa.Column("id", sa.String(400), nullable=False),
        sa.Column("kind", sa.String(200), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("handled_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_events_seen"),
    )
    op.create_index("ix_events_seen_seen_at", "events_seen", ["seen_at"])
    op.create_index("ix_events_seen_handled_at", "events_seen", ["handled_at"])
