"""Calls that leave this installation, and with which role agents were asked, for going on by themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "outward_call",
        sa.Column("id", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text),
        sa.Column("capability", sa.Text, nullable=False),
        sa.Column("tool", sa.Text, nullable=False),
        sa.Column("cost", sa.Text),
        sa.Column("landed", sa.Integer, nullable=False),
    )
    op.create_index("outward_call_at", "outward_call", ["at"])
    op.add_column("agent_run", sa.Column("role", sa.String(16)))
