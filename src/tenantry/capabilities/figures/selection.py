"""Of whom figures are: filters and the dimension they are cut by, on whatever dataset holds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...datasets import Tenants
from ...datasets.tenants import tier_name
from ...datasets.usage import NO_FEATURE
from ...kernel import Context, Row, Window
from .measures import Column, Cut

_NOTHING = {Cut.FEATURE: NO_FEATURE, Cut.SERVICE: "(all services)", Cut.PLAN: "(none)"}
"""What people read where a column is empty."""


@dataclass(frozen=True)
class Where:
    """Filters by dimension; null where there is none."""

    only: Mapping[Cut, str | None]
    without: Mapping[Cut, str | None]

    def names(self) -> set[Cut]:
        """The dimensions that are asked for."""
        return {cut for some in (self.only, self.without) for cut, value in some.items() if value is not None}


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
        looked_at = {self.by, *(cut for cut, value in self.where.without.items() if value is not None)}
        if self.where.only.get(Cut.TIER) is not None:
            looked_at.add(Cut.TIER)
        columns = {*(column.cuts.get(cut, "tenant_id") for cut in looked_at if cut), *filter(None, [also])}
        plain = {
            column.cuts[cut]: "" if value == _NOTHING.get(cut) else value
            for cut, value in self.where.only.items()
            if value is not None and cut in column.cuts
        }
        money = ("currency",) if column.money else ()
        found = self.ctx.totals(
            column.dataset, window, by=(*money, *sorted(columns)),
            measures=(column.name,), **{**equals, **plain},
        )  # fmt: skip
        return [row for row in found if self._wanted(row, column)]

    def _wanted(self, row: Row, column: Column) -> bool:
        tier = self.where.only.get(Cut.TIER)
        if tier is not None and self.value(row, column, Cut.TIER) != tier:
            return False
        return all(
            value is None or self.value(row, column, cut) != value
            for cut, value in self.where.without.items()
        )

    def value(self, row: Row, column: Column, cut: Cut) -> str:
        """A row's value of a dimension, as people read it."""
        if cut is Cut.TIER:
            return tier_name(row["tenant_id"], self.tiers)
        return row[column.cuts[cut]] or _NOTHING.get(cut, "")

    def name(self, row: Row, column: Column) -> str:
        """Of what the row's figure is: its value of the dimension that figures are cut by."""
        return self.value(row, column, self.by) if self.by else ""
