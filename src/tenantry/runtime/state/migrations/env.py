"""Runs the migrations on the connection that the store hands over; Alembic imports this file."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table="layout")
with context.begin_transaction():
    context.run_migrations()
