"""Jobs and their schedules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", _SEQUENCE, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("names", sa.JSON, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("key", sa.String(200), unique=True),
        sa.Column("schedule", sa.Text),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("cancelling", sa.Integer, nullable=False),
        sa.Column("step", sa.Text),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("steps", sa.JSON, nullable=False),
        sa.Column("queued_at", sa.String(32), nullable=False),
        sa.Column("run_after", sa.String(32)),
        sa.Column("started_at", sa.String(32)),
        sa.Column("ended_at", sa.String(32)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("interruptions", sa.Integer, nullable=False),
        sa.Column("refusals", sa.Integer, nullable=False),
        sa.Column("error", sa.JSON),
    )
    op.create_index("job_state", "job", ["state", "id"])
    op.create_index("job_schedule", "job", ["schedule", "id"])
    op.create_table(
        "schedule",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("cron", sa.Text, nullable=False),
        sa.Column("last_due", sa.String(32), nullable=False),
    )
