"""Sessions that a token opened, and that end with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("session", sa.Column("token", sa.String(12)))
