"""The one door: calls a tool for a principal, and writes down what the answer rests on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from ..engine.duckdb import DuckDB
from ..errors import Kind, TenantryError
from ..kernel import AccessRole, Catalog, Effect, Principal, Sandbox, Tool, Window
from ..kernel.money import EXACT, exact
from .events import event
from .reader import Page, Place, Reader, several
from .tables import Evidence, empty

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .outward import Outward
    from .records import Records
    from .state import State

BuiltUnder = Callable[[DuckDB], Mapping[str, Any]]
"""The settings that the lake's tables were built under, asked with all of them attached."""
LOCAL = Principal()
NEEDS = {
    Effect.READ: AccessRole.VIEWER,
    Effect.PROPOSE: AccessRole.ANALYST,
    Effect.ACT: AccessRole.OPERATOR,
}


@dataclass(frozen=True)
class Answer:
    """What a tool returned, with what it was asked and what it read. `as_of` is the moment of the call, UTC."""

    capability: str
    tool: str
    arguments: Mapping[str, Any]
    data: Any
    evidence: tuple[Evidence, ...]
    as_of: datetime

    def document(self) -> dict[str, Any]:
        """The one JSON document that every gateway shows."""
        return {
            "capability": self.capability,
            "tool": self.tool,
            "arguments": plain(self.arguments),
            "as_of": plain(self.as_of),
            "data": plain(self.data),
            "evidence": [plain(vars(e)) for e in self.evidence],
        }


LASTS = timedelta(days=7)
"""How long what is proposed waits for a person, if nothing else is said."""


@dataclass(frozen=True)
class Yes:
    """A person's yes that is on record: to which decision, and to which arguments as JSON. `check` raises where it no
    longer holds when its turn has come; `done` writes down what came of it in the very transaction that keeps the act.
    """

    decision: int
    arguments: Mapping[str, Any]
    check: Callable[[], None]
    done: Callable[[Connection, Answer], None]


def answer_schema(data: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON schema of an answer's document, given that of its data."""
    text = {"type": "string"}
    evidence = {
        "dataset": text,
        "version": {"type": ["integer", "null"]},
        "newest": {"type": ["string", "null"], "format": "date"},
        "windows": {"type": "array", "items": text},
    }
    properties = {
        "capability": text,
        "tool": text,
        "arguments": {"type": "object"},
        "as_of": {"type": "string", "format": "date-time", "description": "when it was asked, UTC"},
        "data": data,
        "evidence": {
            "type": "array",
            "description": "what the answer rests on",
            "items": {"type": "object", "properties": evidence, "required": list(evidence)},
        },
    }
    return {"type": "object", "properties": properties, "required": list(properties)}


class Runtime:
    """Calls tools of a catalog over an engine; `now` is the clock, `settings` are what views depend on, `records`
    opens what keeps the rows of tools that act, `sandbox` runs code that tools are given.

    One object serves many threads.
    """

    def __init__(
        self,
        engine: DuckDB,
        catalog: Catalog,
        now: Callable[[], datetime],
        settings: BuiltUnder,
        records: Callable[[], Records] | None = None,
        sandbox: Sandbox | None = None,
    ) -> None:
        self.engine = engine
        self.catalog = catalog
        self.now = now
        self.settings = settings
        self._records = records
        self._sandbox = sandbox
        self.outward: Outward | None = None
        """Counts calls that leave this installation, where it is there."""
        self.proposals_last = LASTS

    def call(
        self,
        capability: str,
        tool: str,
        arguments: Mapping[str, Any],
        principal: Principal = LOCAL,
        *,
        approved: bool = False,
        yes: Yes | None = None,
    ) -> Answer:
        """The tool's answer for this principal; `approved`: it has said yes to these very arguments, or `yes` has it.

        Raises `not_found` for a name that is not in the catalog, `invalid` for arguments that are not the tool's,
        `forbidden` for data or a deed that is not the principal's, `approval_required` for a tool that acts, `conflict`
        for a `yes` to what the tool no longer takes as it was.
        """
        owner, found = self.catalog.capability(capability), self.catalog.tool(capability, tool)
        what = f"{owner.name}.{found.name}"
        must_be_allowed(principal, what, NEEDS[found.effect])
        values = found.read_arguments(dict(arguments))
        if yes and plain(values) != yes.arguments:
            raise TenantryError(
                Kind.CONFLICT, f"{what} has changed since it was proposed", "propose it again"
            )
        acts = found.effect is Effect.ACT
        if acts and not approved and not yes:
            raise _not_approved(owner.name, found, values)
        kept = acts or yes is not None
        with event("call", principal.name, what) as said, self.turn() if kept else nullcontext():
            if yes:
                yes.check()
            now = self.now()
            if found.outward and principal.tenant_id is not None:
                raise TenantryError(
                    Kind.FORBIDDEN,
                    f"{principal.name} sees its own tenant only, and {owner.name} knows no tenants",
                    "ask as a principal that is not bound to a tenant",
                )
            if found.outward and self.outward:
                self.outward.count(principal, owner.name, found.name)
            with self._opened(principal, now) as reader, localcontext(EXACT):
                data = found.function(reader, **values)
            answer = Answer(owner.name, found.name, values, data, reader.evidence, now)
            # Without a state store a proposal is answered, and not kept.
            proposed = found.effect is Effect.PROPOSE and reader.recorded and self._records
            if kept or proposed:
                self._done(what, reader, answer, yes)
            said["window"] = str(values.get("window") or "")
        return answer

    def turn(self) -> AbstractContextManager[None]:
        """Tools that act do so one after the other: what one has judged holds until it is kept."""
        return self._kept().turn()

    @property
    def state(self) -> State:
        """The state store, opened when it is first asked for. Raises `unavailable`."""
        return self._kept().state

    def _kept(self) -> Records:
        if self._records is None:
            raise TenantryError(Kind.UNAVAILABLE, "there is no state store here", "open one")
        return self._records()

    def _done(self, action: str, reader: Reader, answer: Answer, yes: Yes | None) -> None:
        details = {
            "arguments": plain(answer.arguments),
            "evidence": [plain(vars(e)) for e in answer.evidence],
            **({"decision": yes.decision} if yes else {}),
        }

        def also(connection: Connection) -> None:
            if yes:
                yes.done(connection, answer)

        self._kept().keep(reader.recorded, reader.principal, reader.now, action, details, also)

    def span(self, dataset: str) -> Window:
        """From the first to the last day that the dataset holds. Raises `not_found` where it is empty."""
        found = self.catalog.dataset(dataset)
        with self._opened(LOCAL, self.now()) as reader:
            span = reader.span(found)
        if span is None:
            raise empty(found)
        return span

    def month(self, dataset: str) -> Window:
        """The newest whole month of a dataset; the newest, if none is whole. Raises `not_found` if it is empty."""
        with self._opened(LOCAL, self.now()) as reader:
            return reader.month(self.catalog.dataset(dataset))

    def batches(
        self, dataset: str, window: Window | None = None, principal: Principal = LOCAL
    ) -> Generator[Any]:
        """All rows of a dataset as `pyarrow.RecordBatch`, by day and key; memory does not grow with the table.

        Raises `not_found` for a name that is not in the catalog, `forbidden` for data that is not the principal's.
        """
        found = self.catalog.dataset(dataset)
        with self._opened(principal, self.now()) as reader:
            yield from reader.batches(found, window)

    def page(
        self,
        dataset: str,
        window: Window | None,
        place: Place,
        limit: int,
        principal: Principal = LOCAL,
        at: Mapping[str, int] | None = None,
    ) -> tuple[Page, tuple[Evidence, ...]]:
        """A page of a dataset by day and key, read from the table versions `at` or else the newest, and what it read.

        Raises `not_found` for an unknown dataset, `forbidden` for what is not the principal's, `invalid` for a version
        that is kept no longer.
        """
        found = self.catalog.dataset(dataset)
        with self._opened(principal, self.now(), at) as reader:
            return reader.page(found, window, place, limit), reader.evidence

    def versions(self, dataset: str) -> dict[str, int]:
        """The newest version of each stored table that reading the dataset reads; -1 where there is none."""
        found = self.catalog.dataset(dataset)
        if found.stored:
            return {found.table(): self.engine.lake.version(found)}
        return {k: v for upstream in found.reads for k, v in self.versions(upstream.table()).items()}

    @contextmanager
    def _opened(
        self, principal: Principal, now: datetime, at: Mapping[str, int] | None = None
    ) -> Generator[Reader]:
        with closing(Reader(self.engine.fork(), principal, now, self._settings, at, self._sandbox)) as reader:
            yield reader

    def _settings(self) -> Mapping[str, Any]:
        engine = self.engine.fork()
        with closing(engine.connection):
            engine.attach([d for d in self.catalog.datasets if d.stored])
            return self.settings(engine)

    def rows_held(self, dataset: str) -> int:
        """How many rows the newest version of a dataset holds."""
        return sum(file.rows for file in self.engine.lake.files(self.catalog.dataset(dataset)))


def must_be_allowed(principal: Principal, what: str, needs: AccessRole) -> None:
    """Raises `forbidden` for whoever has not the role that this needs."""
    if not principal.may(needs):
        raise TenantryError(
            Kind.FORBIDDEN,
            f"{principal.name} is {principal.role}; {what} needs {needs}",
            "ask an administrator for another role",
        )


def _not_approved(capability: str, tool: Tool, values: Mapping[str, Any]) -> TenantryError:
    return TenantryError(
        Kind.APPROVAL_REQUIRED,
        f"{capability}.{tool.name} acts on the world",
        "a person must say yes to these arguments: --yes, approved=true, the client's own question; or propose it",
        capability=capability,
        tool=tool.name,
        arguments=plain(values),
    )


def plain(value: Any) -> Any:
    """A value as JSON carries it: decimals as plain text, times in ISO 8601, records by field name."""
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    many = several(value)
    return _scalar(value) if many is None else [plain(v) for v in many]


def _scalar(value: Any) -> str | int | float | None:
    match value:
        case Enum():
            found = value.value
        case Decimal():
            found = exact(value)
        case datetime():
            found = value.isoformat().removesuffix("+00:00") + "Z"  # every moment here is UTC
        case float():
            found = value if isfinite(value) else None
        case str() | int() | None:
            found = value
        case _:
            found = str(value)
    return found
