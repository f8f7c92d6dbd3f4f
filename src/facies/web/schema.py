"""The reading room's tables. Times are UTC, ISO 8601 to the microsecond, so that they sort as text.

Only hashes of links and sessions are kept, so that who reads the database cannot enter with them.
"""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

ROLES = ("reader", "coordinator", "analyst")
"""reader: reads; coordinator: sees progress, pauses, invites, exports; analyst: exports."""

ACCOUNTS = sa.Table(
    "accounts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("password_hash", sa.String(300)),
    sa.Column("created_at", sa.String(32), nullable=False),
)

LINKS = sa.Table(
    "links",
    METADATA,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("expires_at", sa.String(32), nullable=False),
    sa.Column("used_at", sa.String(32)),
)

SESSIONS = sa.Table(
    "sessions",
    METADATA,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("csrf", sa.String(64), nullable=False),
    sa.Column("seen_at", sa.String(32), nullable=False),
    sa.Column("expires_at", sa.String(32), nullable=False),
    sa.Column("ended_at", sa.String(32)),
)

ATTEMPTS = sa.Table(
    "attempts",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("bucket", sa.String(64), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Index("attempts_by_bucket", "bucket", "at"),
)

ROOM = sa.Table("room", METADATA, sa.Column("name", sa.String(40), primary_key=True), sa.Column("value", sa.Text, nullable=False))

PICTURES = sa.Table(
    "pictures",
    METADATA,
    sa.Column("photo_id", sa.String(200), primary_key=True),
    sa.Column("jpeg", sa.LargeBinary, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
)

WITHDRAWN = sa.select(PICTURES.c.photo_id).where(PICTURES.c.width == 0)
"""Photographs of people who withdrew: the row stays without its picture, so that none is made again."""

TRIALS = sa.Table(
    "trials",
    METADATA,
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

ANSWERS = sa.Table(
    "answers",
    METADATA,
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

CHECKS = sa.Table(
    "checks",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("session_hash", sa.String(64), nullable=False),
    sa.Column("px_per_mm", sa.Float),
    sa.Column("dark_steps", sa.Integer, nullable=False),
    sa.Column("light_steps", sa.Integer, nullable=False),
    sa.Column("screen", sa.String(200), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
)

AUDIT = sa.Table(
    "audit",
    METADATA,
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("actor", sa.String(200), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)

AUDIT_HEAD = sa.Table(
    "audit_head",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)
