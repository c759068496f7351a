"""SQL that finds whose name a name is: the tenant it meant on that day."""

from __future__ import annotations

from collections.abc import Sequence

UNATTRIBUTED = "(unattributed)"
"""The tenant of usage that names none."""
NOBODY = ("(unallocated)", "(idle)", UNATTRIBUTED)
"""What stands in a tenant's place and is none; `(unknown:<name>)` is one, whom no table has."""


def text(value: str) -> str:
    """An SQL string."""
    return "'" + value.replace("'", "''") + "'"


def known(tenant: str, name: str) -> str:
    """SQL: the tenant found for a name, or the name as one that no tenant has."""
    return f"coalesce({tenant}, '(unknown:' || {name} || ')')"


def lookup(answer: str, asked: str, kinds: Sequence[str]) -> str:
    """CTEs that end in `answer(name, day, tenant_id)`: one row for each asked name that has one tenant on that day.

    `asked` is a query of (name, day). A name as written goes before its folded form, an id before an alias. A name that
    two tenants claim at once has no answer: guessing would move money.
    """
    kinds_sql = ", ".join(map(text, kinds))
    return f"""{answer}_asked AS ({asked}),
    {answer}_hit AS (
        SELECT q.name, q.day, n.tenant_id,
            max(CASE WHEN n.name = q.name THEN 2 ELSE 0 END + CASE WHEN n.kind = 'id' THEN 1 ELSE 0 END) AS grade
        FROM {answer}_asked AS q
        JOIN tenant_names AS n ON n.folded = lower(trim(q.name))
            AND n.kind IN ({kinds_sql})
            AND (n.valid_from IS NULL OR n.valid_from <= q.day)
            AND (n.valid_to IS NULL OR q.day < n.valid_to)
        GROUP BY q.name, q.day, n.tenant_id
    ),
    {_best_of(answer)}"""


def prefix_lookup(answer: str, asked: str) -> str:
    """CTEs that end in `answer(name, day, tenant_id)` for resource ids: the longest matching id or `prefix*` wins."""
    found = "SELECT q.name, n.tenant_id, n.valid_from, n.valid_to, length(n.name) AS grade"
    return f"""{answer}_asked AS ({asked}),
    {answer}_name AS (SELECT DISTINCT name FROM {answer}_asked),
    {answer}_match AS (
        {found} FROM {answer}_name AS q JOIN tenant_names AS n ON n.kind = 'resource' AND n.name = q.name
        UNION ALL
        {found} FROM {answer}_name AS q JOIN tenant_names AS n ON n.kind = 'resource' AND right(n.name, 1) = '*'
            AND starts_with(q.name, left(n.name, length(n.name) - 1))
    ),
    {answer}_hit AS (
        SELECT q.name, q.day, n.tenant_id, max(n.grade) AS grade
        FROM {answer}_asked AS q
        JOIN {answer}_match AS n ON n.name = q.name
            AND (n.valid_from IS NULL OR n.valid_from <= q.day)
            AND (n.valid_to IS NULL OR q.day < n.valid_to)
        GROUP BY q.name, q.day, n.tenant_id
    ),
    {_best_of(answer)}"""


def _best_of(answer: str) -> str:
    return f"""{answer}_best AS (
        SELECT name, day, max(grade) AS grade FROM {answer}_hit GROUP BY name, day
    ),
    {answer} AS (
        SELECT h.name, h.day, min(h.tenant_id) AS tenant_id
        FROM {answer}_hit AS h
        JOIN {answer}_best AS b ON b.name = h.name AND b.day = h.day AND b.grade = h.grade
        GROUP BY h.name, h.day
        HAVING count(*) = 1
    )"""
