"""Tasks that other agents gave us."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "given_task",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("updated", sa.String(32), nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
    )
    op.create_index("given_task_owner", "given_task", ["owner", "updated", "id"])
    op.create_index("given_task_state", "given_task", ["state"])
