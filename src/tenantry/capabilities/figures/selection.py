"""Of whom figures are: filters and the dimension they are cut by, on whatever dataset holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from ...datasets import Tenants
from ...datasets.tenants import tier_name
from ...datasets.usage import NO_FEATURE
from ...errors import invalid
from ...kernel import Context, Row, Window
from .measures import Column, Cut

_NOTHING = {Cut.FEATURE: NO_FEATURE, Cut.SERVICE: "(all services)", Cut.PLAN: "(none)"}
"""What people read where a column is empty."""


def as_text(given: Any) -> Any:
    """Several names as the JSON text that any gateway can carry: every parameter of a tool is a scalar."""
    return json.dumps(list(cast("Sequence[Any]", given))) if isinstance(given, list | tuple) else given


def several(given: str | None) -> tuple[str, ...] | None:
    """The names that a parameter holds: one, or those of a JSON list. Raises `invalid` for a list of none."""
    if given is None or not given.startswith("["):
        return None if given is None else (given,)
    try:
        found = json.loads(given)
    except (ValueError, RecursionError):
        return (given,)
    if not found or not all(isinstance(name, str) for name in found):
        raise invalid(f"{given[:80]} names nothing", 'write one name, or several as ["one", "other"]')
    return tuple(found)


@dataclass(frozen=True)
class Where:
    """Filters by dimension: of one or several values; null where there is none."""

    only: Mapping[Cut, tuple[str, ...] | None]
    without: Mapping[Cut, tuple[str, ...] | None]

    def names(self) -> set[Cut]:
        """The dimensions that are asked for."""
        return {cut for some in (self.only, self.without) for cut, values in some.items() if values}


class Selection:
    """What is asked for, and reading it from one column after another."""

    def __init__(self, ctx: Context, by: Cut | None, where: Where) -> None:
        self.ctx = ctx
        self.by = by
        self.where = where

    @cached_property
    def people(self) -> dict[str, Tenants]:
        """The tenants by id."""
        return {t.tenant_id: t for t in self.ctx.rows(Tenants)}

    @cached_property
    def tiers(self) -> dict[str, str | None]:
        return {name: person.tier for name, person in self.people.items()}

    def needs(self, cut: Cut) -> bool:
        return cut is self.by or cut in self.where.names()

    def rows(self, column: Column, window: Window, also: str = "", **equals: Any) -> list[Row]:
        """The column's sums in the window by all that the selection looks at, and by one column more."""
        looked_at = {self.by, *(cut for cut, values in self.where.without.items() if values)}
        members = self._members()
        if members == []:
            return []
        if members is None and self.where.only.get(Cut.TIER):
            looked_at.add(Cut.TIER)
        columns = {*(column.cuts.get(cut, "tenant_id") for cut in looked_at if cut), *filter(None, [also])}
        plain = {
            column.cuts[cut]: values[0] if len(values) == 1 else values
            for cut, some in self.where.only.items()
            if some and cut in column.cuts
            for values in [["" if value == _NOTHING.get(cut) else value for value in some]]
        }
        if members is not None:
            plain["tenant_id"] = members
        money = ("currency",) if column.money else ()
        found = self.ctx.totals(
            column.dataset, window, by=(*money, *sorted(columns)),
            measures=(column.name,), **{**equals, **plain},
        )  # fmt: skip
        return [row for row in found if self._wanted(row, column, whole=members is not None)]

    def _members(self) -> list[str] | None:
        """The tenants of the tiers that are asked for, of those that are named; None where no tier is, or one that no
        tenant has.
        """
        tiers, named = self.where.only.get(Cut.TIER), self.where.only.get(Cut.TENANT)
        if not tiers or not {*tiers} <= {*self.tiers.values()}:
            return None
        return [name for name, tier in self.tiers.items() if tier in tiers and name in (named or (name,))]

    def _wanted(self, row: Row, column: Column, *, whole: bool) -> bool:
        tiers = None if whole else self.where.only.get(Cut.TIER)
        if tiers and self.value(row, column, Cut.TIER) not in tiers:
            return False
        return all(
            not values or self.value(row, column, cut) not in values
            for cut, values in self.where.without.items()
        )

    def value(self, row: Row, column: Column, cut: Cut) -> str:
        """A row's value of a dimension, as people read it."""
        if cut is Cut.TIER:
            return tier_name(row["tenant_id"], self.tiers)
        return row[column.cuts[cut]] or _NOTHING.get(cut, "")

    def name(self, row: Row, column: Column) -> str:
        """Of what the row's figure is: its value of the dimension that figures are cut by."""
        return self.value(row, column, self.by) if self.by else ""
