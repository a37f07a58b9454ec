"""The tables as the code sees them. What the database really has is made by the migrations; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

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

findings = Table(
    "findings",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("rule", String(200), nullable=False),
    Column("resource", Text, nullable=False),  # in lower case
    Column("resource_id", Text, nullable=False),
    Column("generation", Text, nullable=False),
    Column("fingerprint", String(200), nullable=False),
    Column("digest", String(200), nullable=False),
    Column("action", String(200), nullable=False),
    Column("why", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # canonical JSON
    Column("owner", Text, nullable=False),
    Column("risk", String(20), nullable=False),
    Column("monthly_cost", String(60), nullable=False),  # "" unknown
    Column("saving", String(60), nullable=False),  # "" unknown
    Column("amount", BigInteger),  # saving, else cost, in millionths: to sort and add by; null unknown
    Column("currency", String(10), nullable=False),
    Column("dependents", Text, nullable=False),  # JSON list
    Column("not_checked", Text, nullable=False),  # JSON list
    Column("grace_days", Integer, nullable=False),
    Column("quiet", Text, nullable=False),  # canonical JSON
    Column("status", String(20), nullable=False),
    Column("alive", Boolean, nullable=False),  # false: this life has ended
    Column("note", Text, nullable=False),
    Column("first_at", MOMENT, nullable=False),
    Column("last_at", MOMENT, nullable=False),
    Column("changed_at", MOMENT, nullable=False),
    Column("runs", Integer, nullable=False),
    Column("round", Integer, nullable=False),  # how often people were, or are to be, asked about it
    Column("asked_at", MOMENT),
    Column("due_at", MOMENT),
    Column("expires_at", MOMENT),
    Column("approved_until", MOMENT),
    Column("snoozed_until", MOMENT),
    Column("quiet_until", MOMENT),
    Column("restorable_until", MOMENT),
    Column("tombstone", Text),
    Column("requester", String(200), nullable=False),
    Column("version", Integer, nullable=False),  # grows with each change
    sqlite_autoincrement=True,
)
# One life at a time of what one rule finds on one resource, whoever records it.
Index("uq_findings_alive", findings.c.rule, findings.c.resource, unique=True, sqlite_where=findings.c.alive.is_(True),
      postgresql_where=findings.c.alive.is_(True))  # fmt: skip
Index("ix_findings_resource", findings.c.resource)
# All that counting, adding up and most filters look at, so that they do not read the evidence beside it.
Index("ix_findings_status", findings.c.status, findings.c.amount, findings.c.currency, findings.c.risk, findings.c.rule)

votes = Table(
    "votes",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("finding", Integer, ForeignKey("findings.number"), nullable=False),
    Column("oid", String(200), nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("says", String(20), nullable=False),
    Column("digest", String(200), nullable=False),
    Column("why", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("until", MOMENT, nullable=False),
    Column("ended", Text, nullable=False),  # "" while it stands
    sqlite_autoincrement=True,
)
# One person has one word on one finding, however many windows it is said in.
Index("uq_votes_standing", votes.c.finding, votes.c.oid, votes.c.says, unique=True, sqlite_where=votes.c.ended == "",
      postgresql_where=votes.c.ended == "")  # fmt: skip

events = Table(
    "events",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("finding", Integer, ForeignKey("findings.number"), nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("who", String(200), nullable=False),
    Column("before", String(20), nullable=False),
    Column("after", String(20), nullable=False),
    Column("why", Text, nullable=False),
    Column("digest", String(200), nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_events_finding", events.c.finding)

letters = Table(
    "letters",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("message_id", Text, nullable=False),
    Column("kind", String(100), nullable=False),
    Column("subject", Text, nullable=False),
    Column("link", Text, nullable=False),  # what chats lead to; "" none
    Column("content", LargeBinary, nullable=False),  # the whole mail, as it goes over the wire
    Column("put_at", MOMENT, nullable=False),
    UniqueConstraint("message_id", name="uq_letters_message_id"),
    sqlite_autoincrement=True,
)

recipients = Table(
    "recipients",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("letter", Integer, ForeignKey("letters.number"), nullable=False),
    Column("channel", String(20), nullable=False),  # mail, teams or slack
    Column("address", Text, nullable=False),  # of a person; "" for a chat: its address is a secret
    Column("status", String(20), nullable=False),  # waiting, sent, failed, unsure
    Column("tries", Integer, nullable=False),
    Column("alone", Boolean, nullable=False),  # true: sent to by itself, as a letter to all was refused
    Column("due_at", MOMENT),  # null: nothing is tried any more
    Column("ended_at", MOMENT),
    Column("note", Text, nullable=False),
    UniqueConstraint("letter", "channel", "address", name="uq_recipients_letter"),
    sqlite_autoincrement=True,
)
Index("ix_recipients_status", recipients.c.status, recipients.c.due_at)

attempts = Table(
    "attempts",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("letter", Integer, ForeignKey("letters.number"), nullable=False),
    Column("channel", String(20), nullable=False),
    Column("transport", String(20), nullable=False),
    Column("wire_id", Text, nullable=False),  # the Message-ID that the mail had
    Column("recipients", Text, nullable=False),  # JSON list of their numbers
    Column("began_at", MOMENT, nullable=False),
    Column("until", MOMENT, nullable=False),  # after this the one who began it has given up by itself
    Column("handed_at", MOMENT),  # null: nothing can have arrived; else it may have
    Column("receipt", Text, nullable=False),  # by what the other side can be asked for it
    Column("ended_at", MOMENT),  # null: not known yet what became of it
    Column("outcome", String(20), nullable=False),  # "" while open
    Column("said", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_attempts_letter", attempts.c.letter)
# One attempt at a time, whoever makes it.
under_way = attempts.c.ended_at.is_(None)
Index("uq_attempts_open", attempts.c.letter, attempts.c.channel, unique=True, sqlite_where=under_way,
      postgresql_where=under_way)  # fmt: skip

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("job", String(100), nullable=False),
    Column("slot", MOMENT, nullable=False),  # the newest of `slots` that began with `first_slot`: more than one
    Column("first_slot", MOMENT, nullable=False),  # only where they were missed or skipped together
    Column("slots", Integer, nullable=False),
    Column("asked", String(20), nullable=False),  # "" by its slot; else who asked: event, hand
    Column("run", String(64), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("fence", Integer, nullable=False),
    Column("began_at", MOMENT, nullable=False),
    Column("ended_at", MOMENT),
    Column("outcome", String(20), nullable=False),  # "" while open
    Column("why", Text, nullable=False),
    Column("said", Text, nullable=False),  # JSON list
    Column("counts", Text, nullable=False),  # JSON
    sqlite_autoincrement=True,
)
Index("ix_runs_job", runs.c.job, runs.c.slot)
Index("ix_runs_began_at", runs.c.began_at)
# A duty is under way once at a time, whoever began it.
Index("uq_runs_open", runs.c.job, unique=True, sqlite_where=runs.c.ended_at.is_(None),
      postgresql_where=runs.c.ended_at.is_(None))  # fmt: skip
# A slot is worked through once. One that failed or was held may be tried again.
settled = text("outcome IN ('', 'done', 'partial')")
Index("uq_runs_slot", runs.c.job, runs.c.slot, unique=True, sqlite_where=settled, postgresql_where=settled)

leases = Table(
    "leases",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("fence", Integer, nullable=False),  # grows with each owner, so that a late one is told apart
    Column("until", MOMENT, nullable=False),
    Column("taken_at", MOMENT, nullable=False),
)

events_seen = Table(
    "events_seen",
    metadata,
    Column("id", String(400), primary_key=True),
    Column("kind", String(200), nullable=False),
    Column("subject", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("seen_at", MOMENT, nullable=False),
    Column("handled_at", MOMENT),
)
Index("ix_events_seen_seen_at", events_seen.c.seen_at)
Index("ix_events_seen_handled_at", events_seen.c.handled_at)  # those that wait are looked for every two seconds
