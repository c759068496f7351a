"""One act of the control plane: all that speaks against it, or all that it records."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

from ...datasets import Tenants, Workflows
from ...errors import Kind, TenantryError, invalid, unknown
from ...kernel import Context, Dataset
from ...methods.validity import Span

LONGEST = 256
"""Letters of an id or a name that we give; what files say may be longer."""
_LONGEST_NOTE = 4000
_LAST = date(9999, 1, 1)

T = TypeVar("T", bound=Dataset)


class Act:
    """Collects problems and rows. A problem anywhere, and nothing is recorded."""

    def __init__(self, ctx: Context, *, tenants_may: bool = False) -> None:
        """With `tenants_may` also for a principal bound to a tenant. Others have no business here: what a tenant is
        entitled to, pays and is named like is the vendor's to say.
        """
        if ctx.principal.tenant_id is not None and not tenants_may:
            raise TenantryError(
                Kind.FORBIDDEN,
                f"{ctx.principal.name} is bound to a tenant, and this is for the vendor to do",
                "ask as a principal that is not bound to a tenant",
            )
        self.ctx = ctx
        self.today = ctx.now.date()
        self._problems: list[dict[str, str]] = []
        self._rows: list[Dataset] = []

    def refuse(self, parameter: str, problem: str) -> None:
        self._problems.append({"param": parameter, "problem": problem})

    def leave(self, *rows: Dataset) -> None:
        """Rows to record."""
        self._rows += rows

    def done(self, hint: str = "`tenants get` shows what is there") -> None:
        """Record all. Raises `invalid` with every problem, and records nothing then."""
        if self._problems:
            text = "; ".join(f"{p['param']}: {p['problem']}" for p in self._problems)
            raise invalid(text, hint, params=self._problems)
        self.ctx.record(*self._rows)

    def name(self, parameter: str, given: str) -> str:
        """A name that data will know: trimmed, of characters that print, not too long, and not one of our own."""
        name = self.text(parameter, given) or ""
        if not name:
            self.refuse(parameter, "is empty")
        if name.startswith("(") and name.endswith(")"):
            self.refuse(parameter, "names in parentheses are reserved")
        return name

    def text(self, parameter: str, given: str | None, longest: int = LONGEST) -> str | None:
        """Text that people read, trimmed; None for none."""
        text = (given or "").strip()
        if not text.isprintable():
            self.refuse(parameter, "holds control or formatting characters")
        if len(text) > longest:
            self.refuse(parameter, f"has {len(text)} characters, and may have {longest}")
        return text or None

    def note(self, given: str | None) -> str | None:
        return self.text("note", given, _LONGEST_NOTE)

    def day(self, parameter: str, given: date | None, not_before: date | None = None, why: str = "") -> date:
        """The given day or today."""
        day = given or self.today
        if not_before is not None and day < not_before:
            self.refuse(parameter, f"{day} is before {not_before}: {why}")
        if day >= _LAST:
            self.refuse(parameter, f"{day} is too far away")
        return day

    def tenant(self, tenant_id: str, version: str | None = None) -> Tenants:
        """The tenant. Raises `not_found` without one, `invalid` where it is not the version that the caller knows."""
        found = one_tenant(self.ctx, tenant_id)
        if version is not None and version != version_of(found):
            raise invalid(
                f"{tenant_id} has changed since version {version}; it is {version_of(found)} now",
                "read it again, and say again what to change",
                version=version_of(found),
            )
        return found

    def living(self, tenant: Tenants, on: date) -> None:
        """Refuses what would begin after the tenant's end."""
        if over(tenant, on):
            self.refuse("tenant_id", f"{tenant.tenant_id} ended on {tenant.ended_on}")

    def end(self, parameter: str, given: date | None, first: date, tenant: Tenants | None) -> None:
        """Refuses an end that is not after the beginning, or after the tenant's."""
        if given is not None and given <= first:
            self.refuse(parameter, f"{given} is not after {first}")
        if (
            given is not None
            and tenant is not None
            and tenant.ended_on is not None
            and tenant.ended_on < given
        ):
            self.refuse(parameter, f"{given} is after the tenant's end, {tenant.ended_on}")

    def workflow(
        self, kind: str, tenant_id: str | None, steps: Sequence[tuple[str, str | None]], note: str | None
    ) -> list[Workflows]:
        """The steps of a workflow, with what was done in each; None: there was nothing to do."""
        before = self.ctx.rows(Workflows, tenant_id=tenant_id)
        begun = len({row.workflow_id for row in before})
        found = [
            Workflows(
                workflow_id=f"{tenant_id or '(tiers)'}/{begun + 1}",
                number=number,
                kind=kind,
                tenant_id=tenant_id,
                step=step,
                state="skipped" if done is None else "done",
                at=self.ctx.now.replace(tzinfo=None),
                by=self.ctx.principal.name,
                note=" · ".join(filter(None, [done, note if number == 1 else None])) or None,
            )
            for number, (step, done) in enumerate(steps, start=1)
        ]
        self.leave(*found)
        return found


def one_tenant(ctx: Context, tenant_id: str) -> Tenants:
    """Raises `not_found` with names near it."""
    if found := ctx.rows(Tenants, tenant_id=tenant_id):
        return found[0]
    names = [row.tenant_id for row in ctx.totals(Tenants, by=("tenant_id",))]
    raise unknown("tenant", tenant_id, names, "`tenants list` lists them")


def version_of(row: Dataset) -> str:
    """What tells this state of a row from others."""
    return hashlib.sha256(row.model_dump_json().encode()).hexdigest()[:12]


def over(tenant: Tenants, on: date) -> bool:
    """Whether it is no tenant any more."""
    return tenant.ended_on is not None and tenant.ended_on <= on


def span(row: Any) -> Span:
    """The days on which a row with `started_on` and `ended_on` holds."""
    return Span(row.started_on, row.ended_on)


def running(rows: Sequence[T], on: date) -> list[T]:
    """Those that hold on a day."""
    return [row for row in rows if on in span(row)]


def ended(row: T, on: date) -> T:
    """The row, ended on a day at the latest; one that was to begin later never holds."""
    until: date | None = getattr(row, "ended_on")  # noqa: B009 - which datasets have it, types cannot say
    if until is not None and until <= on:
        return row
    return row.model_copy(update={"ended_on": max(on, getattr(row, "started_on"))})  # noqa: B009


def changed(row: T, on: date, **changes: Any) -> tuple[T, list[T]]:
    """The row as it is from a day on, and the rows to record: what was before stays, ended there."""
    new = row.model_copy(update={**changes, "started_on": on})
    if new == row.model_copy(update={"started_on": on}):
        return row, []
    same_key = all(getattr(new, key) == getattr(row, key) for key in row.keys)
    return new, [new] if same_key else [ended(row, on), new]
