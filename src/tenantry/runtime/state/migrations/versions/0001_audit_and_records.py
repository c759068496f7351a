"""The audit log, and the rows that tools record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_table(
        "record",
        sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("dataset", sa.String(64), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("row", sa.JSON, nullable=False),
        sa.Column("audit", _SEQUENCE, nullable=False),
        sa.Column("landed", sa.Integer, nullable=False),
    )
    op.create_index("record_newest", "record", ["dataset", "key", "sequence"])
    op.create_index("record_not_landed", "record", ["landed", "sequence"])
