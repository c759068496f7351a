"""What a tool is given: the data it may read, and who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from .dataset import Dataset
from .sandbox import Sandbox
from .time import Window

D = TypeVar("D", bound=Dataset)


class AccessRole(StrEnum):
    """What a principal may do; each what those before it may: look, propose, decide and act, say who may what."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """Who calls. A principal bound to a tenant sees that tenant's rows and no others, through every gateway."""

    name: str = "local"
    tenant_id: str | None = None
    role: AccessRole = AccessRole.ADMIN

    def may(self, role: AccessRole) -> bool:
        """Whether it may do what this role may."""
        order = list(AccessRole)
        return order.index(self.role) >= order.index(role)


class Row(dict[str, Any]):
    """A row of totals: a mapping whose keys read as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Context(Protocol):
    """The one door from a tool to data. It adds the principal's tenant to every read and records what was read.

    `equals` filters by a column's value, or by any of a collection of values; None means null. Decimal arithmetic
    in a tool has 60 digits, so that plain sums of money are exact. Raises `invalid` for a column or window that the
    dataset does not have, `forbidden` for data that is not the principal's.
    """

    principal: Principal
    now: datetime
    sandbox: Sandbox | None

    def rows(
        self, dataset: type[D], window: Window | None = None, *, limit: int | None = None, **equals: Any
    ) -> list[D]:
        """Rows of the dataset whose day lies in the window; in key order."""
        ...

    def totals(
        self,
        dataset: type[Dataset],
        window: Window | None = None,
        *,
        by: Sequence[str] = (),
        measures: Sequence[str] = (),
        distinct: str = "",
        order: str = "",
        limit: int | None = None,
        **equals: Any,
    ) -> list[Row]:
        """Exact sums of the measures, by default of every money, quantity and count column; in order of `by`.

        `distinct` names a column whose different values are counted, as `distinct`. `order` names a measure by which
        the rows of a currency are ordered (`-cost`: the largest first); `limit` is how many of each currency to give.
        Raises `invalid` where amounts in several currencies would be added together.
        """
        ...

    def span(self, dataset: type[Dataset]) -> Window | None:
        """From the first to the last day that holds rows; None if the dataset is empty."""
        ...

    def month(self, dataset: type[Dataset]) -> Window:
        """The newest whole month of the dataset; the newest, if none is whole. Raises `not_found` if it is empty."""
        ...

    def record(self, *rows: Dataset) -> None:
        """Keep rows of landing datasets: all of a call's or none, with an audit entry, once the call has ended.

        For tools that act or propose. A row takes the place of the one with its keys, and holds over what files say.
        """
        ...

    def under(self, settings: Callable[[Any], Mapping[str, Any]]) -> Context:
        """The same data as it would be under other settings, asked for through SQL. Nothing is stored.

        Raises `forbidden` for a principal bound to a tenant.
        """
        ...
