"""The first shape: accounts, plan, answers, and a log that is only added to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

GUARDED = ("audit", "answers")
"""Tables whose rows the database itself refuses to change or remove."""


def upgrade() -> None:
    """Make all tables."""
    _people()
    _reading()
    _log()
    op.execute(sa.text("INSERT INTO audit_head (id, n, hash) VALUES (1, 0, '')"))
    for table in GUARDED:
        _guard(table)


def _people() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False, unique=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("password_hash", sa.String(300)),
        sa.Column("created_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "links",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("used_at", sa.String(32)),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("seen_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("ended_at", sa.String(32)),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("bucket", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
    )
    op.create_index("attempts_by_bucket", "attempts", ["bucket", "at"])


def _reading() -> None:
    op.create_table("room", sa.Column("name", sa.String(40), primary_key=True), sa.Column("value", sa.Text, nullable=False))
    op.create_table(
        "pictures",
        sa.Column("photo_id", sa.String(200), primary_key=True),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
    )
    op.create_table(
        "trials",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("public_id", sa.String(40), nullable=False, unique=True),
        sa.Column("photo_id", sa.String(200), nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("repeat", sa.Integer, nullable=False),
        sa.Column("block", sa.Integer, nullable=False),
        sa.Column("is_training", sa.Boolean, nullable=False),
        sa.Column("is_attention", sa.Boolean, nullable=False),
        sa.Column("arm", sa.String(20), nullable=False),
        sa.Column("expected", sa.String(200)),
        sa.Column("model_score", sa.Float),
        sa.UniqueConstraint("account_id", "turn", name="trials_one_a_turn"),
        sa.UniqueConstraint("account_id", "photo_id", "target", "repeat", "is_training", "is_attention", name="trials_one_a_reading"),
    )
    op.create_table(
        "answers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("trial_id", sa.Integer, sa.ForeignKey("trials.id"), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("token", sa.String(64), nullable=False, unique=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("seconds", sa.Float),
        sa.Column("shown_px", sa.Integer),
        sa.Column("zoomed", sa.Boolean, nullable=False),
        sa.Column("remark", sa.String(500)),
        sa.Column("at", sa.String(32), nullable=False),
        sa.UniqueConstraint("trial_id", "stage", name="answers_one_a_stage"),
    )
    op.create_table(
        "checks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("session_hash", sa.String(64), nullable=False),
        sa.Column("px_per_mm", sa.Float),
        sa.Column("dark_steps", sa.Integer, nullable=False),
        sa.Column("light_steps", sa.Integer, nullable=False),
        sa.Column("screen", sa.String(200), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
    )


def _log() -> None:
    op.create_table(
        "audit",
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("n", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )


def _guard(table: str) -> None:
    refusal = f"{table} is only added to"
    if op.get_bind().dialect.name == "sqlite":
        for event in ("UPDATE", "DELETE"):
            name = f"{table}_no_{event.lower()}"
            op.execute(sa.text(f"CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, '{refusal}'); END"))
        return
    body = f"BEGIN RAISE EXCEPTION '{refusal}'; END"
    op.execute(sa.text(f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"))
    when = f"BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    op.execute(sa.text(f"CREATE TRIGGER {table}_guard {when} FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"))


def downgrade() -> None:
    """Refuse: readings are never removed."""
    raise NotImplementedError("the first shape has none before it: restore a backup")
