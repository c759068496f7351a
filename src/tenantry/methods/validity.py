"""What holds when: half-open spans of days, either side open."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

_DATED = re.compile(r"(?P<name>.*)@(?P<start>[0-9-]*)\.\.(?P<end>[0-9-]*)", re.DOTALL)
_NAMES = frozenset({"id", "alias"})
"""The kinds that lookups of names in usage do not tell apart."""


@dataclass(frozen=True)
class Span:
    """Days from `start` up to, and without, `end`; None: open."""

    start: date | None = None
    end: date | None = None

    def __contains__(self, day: date) -> bool:
        return (self.start is None or self.start <= day) and (self.end is None or day < self.end)

    def meets(self, other: Span) -> bool:
        """Whether they have a day in common."""
        return _before(self.start, other.end) and _before(other.start, self.end) and bool(self and other)

    def __bool__(self) -> bool:
        """Whether it holds any day."""
        return _before(self.start, self.end)


def _before(start: date | None, end: date | None) -> bool:
    return start is None or end is None or start < end


@dataclass(frozen=True)
class Claim:
    """A name by which data know a tenant, as long as it does. `kind` is `id`, `alias`, `account` or `resource`."""

    kind: str
    name: str
    tenant_id: str
    span: Span = Span()

    @classmethod
    def read(cls, kind: str, entry: str, tenant_id: str) -> Claim:
        """An entry of a list of names, `name` or `name@START..END`. Raises ValueError for dates that are none."""
        found = _DATED.fullmatch(entry)
        if found is None:
            return cls(kind, entry.strip(), tenant_id)
        start, end = (date.fromisoformat(text) if text else None for text in found.group("start", "end"))
        return cls(kind, found["name"].strip(), tenant_id, Span(start, end))

    @property
    def entry(self) -> str:
        """As a list of names has it."""
        if self.span == Span():
            return self.name
        return f"{self.name}@{self.span.start or ''}..{self.span.end or ''}"

    def until(self, day: date) -> Claim:
        """The same, ended on a day at the latest."""
        end = self.span.end
        return self if end is not None and end <= day else replace(self, span=replace(self.span, end=day))

    @property
    def sought(self) -> tuple[str, str]:
        """What lookups compare: resources as they are written, other names whatever their case."""
        if self.kind == "resource":
            return self.kind, self.name
        return ("name" if self.kind in _NAMES else self.kind), self.name.strip().lower()

    def disputed(self, others: Iterable[Claim]) -> list[Claim]:
        """The claims of other tenants to this name on days of this one."""
        return [
            other
            for other in others
            if other.tenant_id != self.tenant_id
            and other.sought == self.sought
            and other.span.meets(self.span)
        ]
