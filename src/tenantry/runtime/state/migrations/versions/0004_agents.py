"""Runs of agents, and the texts they were told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "agent_text",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "agent_run",
        sa.Column("id", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("conversation", sa.String(64), nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("reply", sa.Text),
        sa.Column("names", sa.JSON, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("texts", sa.JSON, nullable=False),
        sa.Column("calls", sa.JSON, nullable=False),
        sa.Column("proposals", sa.JSON, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("input_tokens", _SEQUENCE, nullable=False),
        sa.Column("output_tokens", _SEQUENCE, nullable=False),
        sa.Column("cost", sa.Text),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("landed", sa.Integer, nullable=False),
    )
    op.create_index("agent_run_conversation", "agent_run", ["conversation", "id"])
    op.create_index("agent_run_at", "agent_run", ["at"])
