"""What was asked in plain words, turn by turn, and which choices were taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "asked",
        sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("conversation", sa.String(64), nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("forms", sa.JSON, nullable=False),
        sa.Column("choices", sa.JSON, nullable=False),
    )
    op.create_index("asked_conversation", "asked", ["conversation", "sequence"])
    op.create_table(
        "verified_question",
        sa.Column("scope", sa.String(200), primary_key=True),
        sa.Column("words", sa.String(500), primary_key=True),
        sa.Column("metric", sa.String(64), nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
    )
