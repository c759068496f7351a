"""What waits for a person, and what was decided; runs of agents that go on after it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "decision",
        sa.Column("id", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("capability", sa.Text, nullable=False),
        sa.Column("tool", sa.Text, nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sa.Column("needs", sa.String(16), nullable=False),
        sa.Column("proposed_by", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("agent", sa.Text),
        sa.Column("run", _SEQUENCE),
        sa.Column("conversation", sa.String(64)),
        sa.Column("tainted", sa.JSON, nullable=False),
        sa.Column("proposed_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_role", sa.String(16)),
        sa.Column("decided_at", sa.String(32)),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("ended_at", sa.String(32)),
        sa.Column("result", sa.JSON(none_as_null=True)),
        sa.Column("problem", sa.JSON(none_as_null=True)),
    )
    op.create_index("decision_state", "decision", ["state", "id"])
    op.add_column("agent_run", sa.Column("decision", _SEQUENCE))
    op.execute("UPDATE agent_run SET proposals = '[]'")  # of a form that nothing reads any more
