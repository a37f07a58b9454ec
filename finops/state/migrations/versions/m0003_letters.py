"""The outbox: letters, to whom each is owed, and every attempt to send one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

MOMENT = sa.String(32)


def upgrade() -> None:
    op.create_table(
        "letters",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("put_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_letters"),
        sa.UniqueConstraint("message_id", name="uq_letters_message_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "recipients",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("letter", sa.Integer, nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("alone", sa.Boolean, nullable=False),
        sa.Column("due_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_recipients"),
        sa.ForeignKeyConstraint(["letter"], ["letters.number"], name="fk_recipients_letter"),
        sa.UniqueConstraint("letter", "channel", "address", name="uq_recipients_letter"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_recipients_status", "recipients", ["status", "due_at"])
    op.create_table(
        "attempts",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=True),
        sa.Column("letter", sa.Integer, nullable=False),
        sa.Column("channel", sa.String(20), nullable=False),
        sa.Column("transport", sa.String(20), nullable=False),
        sa.Column("wire_id", sa.Text, nullable=False),
        sa.Column("recipients", sa.Text, nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("handed_at", MOMENT),
        sa.Column("receipt", sa.Text, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_attempts"),
        sa.ForeignKeyConstraint(["letter"], ["letters.number"], name="fk_attempts_letter"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_letter", "attempts", ["letter"])
    op.create_index(
        "uq_attempts_open",
        "attempts",
        ["letter", "channel"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
