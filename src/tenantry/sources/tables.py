"""The vendor's own tables: subscriptions, active users, usage events, and the invoices it got.

CSV, Parquet or JSON, a column for each name of the page docs/reference/tables.md; usage also as CloudEvents 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from ..datasets.entitlements import BEGINNING
from ..datasets.invoices import Invoices
from ..datasets.subscriptions import Subscriptions
from ..datasets.tenant_invoices import TenantInvoices
from ..datasets.usage import ActiveUsers, Usage
from ..kernel.dataset import Dataset
from ..kernel.money import MONEY_PLACES, QUANTITY_PLACES
from ..kernel.source import Batch, Format, RowMapping, Sample, Source
from .cells import Cell, Columns, day_first, let, literal, plain
from .cloudevents import Events, is_cloud_events

# What a column may be called besides its own name. Case, spaces and separators do not count.
NAMES: Mapping[str, tuple[str, ...]] = {
    "tenant_id": (
        "tenant",
        "customer_id",
        "customer",
        "organization_id",
        "organisation_id",
        "org_id",
        "workspace_id",
    ),
    "name": ("tenant_name", "customer_name", "company"),
    "tier": ("segment",),
    "isolation": ("isolation_model",),
    "accounts": ("account_ids",),
    "aliases": ("alias",),
    "resources": ("resource_ids",),
    "started_on": ("start_date", "valid_from"),
    "ended_on": ("end_date", "valid_to", "valid_until"),
    "seats": ("licenses",),
    "importance": ("priority",),
    "contact_email": ("email",),
    "plan": ("plan_id", "plan_name"),
    "amount": ("price", "monthly_price", "mrr"),
    "currency": ("currency_code", "billing_currency"),
    "interval": ("billing_interval", "billing_cycle"),
    "quantity": ("value", "units"),
    "day": ("date",),
    "users": ("active_users", "dau"),
    "invoice_id": ("invoice", "invoice_number"),
    "invoice_issuer_name": ("invoice_issuer", "issuer"),
    "id": ("event_id",),
    "source": ("event_source",),
    "issued_on": ("invoice_date",),
    "time": ("timestamp", "event_time"),
    "meter": ("meter_name", "event_type"),
    "feature_id": ("feature",),
    "service_name": ("service",),
    "resource_id": ("resource",),
    "account_id": ("account",),
    "rank": ("position",),
    "quota": ("limit", "allowance"),
    "period": ("reset_period",),
}
_INTERVALS = {
    "month": "month", "monthly": "month", "year": "year", "yearly": "year", "annual": "year", "annually": "year",
}  # fmt: skip
# `(unallocated)`, `(idle)` and their like are rows of our own.
_RESERVED = r"\(.*\)"
_CURRENCY = "[A-Z]{3}"
_OPEN_END = "9999%"


class Table:
    """The SQL that reads files of one format, column by column, by our names, with what it rejects and repairs."""

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        events: bool = False,
        called: Mapping[str, Sequence[str]] = NAMES,
    ) -> None:
        self._called = called
        self._columns = Columns(samples)
        self._json = samples[0].format is Format.JSON
        self._events = Events(EVENT_NAMES) if events else None
        self._sampled = {name for s in samples for name in s.columns}
        self._day_first = day_first(v for s in samples for row in s.rows for v in row.values())
        self.sql: dict[str, str] = {}
        self.rejects: dict[str, str] = {}
        self.repairs: dict[str, str] = {}

    def mapping(self, dataset: type[Dataset]) -> RowMapping:
        asked = self._events.asked if self._events else {}
        return RowMapping(
            dataset, self.sql, tuple(self.rejects.items()), tuple(self.repairs.items()), asked=asked
        )

    def cell(self, column: str) -> Cell:
        """What is written in the columns that go by this name, the best first."""
        names = (column, *self._called.get(column, ()))
        if self._events:
            cells = [Cell(sql) for sql in self._events.readings(column)]
        else:
            cells = list(self._columns.named(*names).values())
            paths = (
                [f"$.{name}" for name in spelled(names) if name not in self._sampled] if self._json else []
            )
            cells += [Cell(f"json_extract_string(_record, {literal(path)})") for path in paths]
        if len(cells) == 1:
            return cells[0]
        texts = ", ".join(f"NULLIF(CAST({cell.sql} AS VARCHAR), '')" for cell in cells) or "NULL"
        # A type of its own makes the cell computed once for a reading.
        return Cell(f"COALESCE({texts}, NULL)", "TEXT")

    def text(self, column: str) -> str:
        return self.cell(column).text()

    def texts(self, *columns: str) -> None:
        """Fill these columns with what is written."""
        for column in columns:
            self.sql[column] = self.text(column)

    def tenant(self) -> None:
        self.texts("tenant_id")
        self.rejects["tenant_id in parentheses is reserved"] = (
            f"regexp_full_match({self.sql['tenant_id']}, '{_RESERVED}', 's')"
        )

    def time(self, column: str) -> str:
        """TIMESTAMP, null where it is none. Where the dataset needs one, landing rejects the row for that."""
        return self.cell(column).time(day_first=self._day_first)

    def days(self, *columns: str) -> None:
        for column in columns:
            self.sql[column] = f"CAST({self.time(column)} AS DATE)"

    def optional_days(self, *columns: str) -> None:
        """Fill columns with days; what is written and is none rejects the row. The year 9999 is no end."""
        self.days(*columns)
        for column in columns:
            cell = self.cell(column)
            bad = f"{cell.bad_time(day_first=self._day_first)} AND {cell.text()} NOT LIKE '{_OPEN_END}'"
            self.rejects[f"{column} is not a date"] = bad

    def validity(self) -> None:
        """Fill `started_on`, where nothing is written with the beginning of all days, and `ended_on`."""
        self.optional_days("started_on", "ended_on")
        self.sql["started_on"] = f"COALESCE({self.sql['started_on']}, DATE '{BEGINNING}')"
        self.rejects["ended_on is before started_on"] = f"{self.sql['ended_on']} < {self.sql['started_on']}"

    def number(self, column: str, places: int = QUANTITY_PLACES) -> None:
        """Fill a column with a number, null where it is none."""
        cell = self.cell(column)
        rounded = f"{column} has more than {places} decimals: rounded half to even"
        self.repairs[rounded] = cell.rounded_number(places)
        self.sql[column] = cell.number(places)

    def optional_number(self, column: str, default: str = "NULL") -> None:
        """Fill a column with a number or the default; what is written and is no number rejects the row."""
        self.number(column)
        self.rejects[f"{column} is not a number"] = self.cell(column).bad_number()
        self.sql[column] = f"COALESCE({self.sql[column]}, {default})"

    def negative(self, column: str) -> str:
        """SQL: the number is below zero; quickly, where no sign is written."""
        cell = self.cell(column)
        below = f"{self.sql[column]} < 0"
        if cell.exact():
            return below
        signed = f"regexp_matches(CAST({cell.sql} AS VARCHAR), '[-(\u2212]')"
        return f"CASE WHEN {signed} THEN {below} ELSE FALSE END"

    def currency(self) -> None:
        currency = self.sql["currency"] = f"upper({self.text('currency')})"
        self.rejects["currency is not an ISO 4217 code"] = f"NOT regexp_full_match({currency}, '{_CURRENCY}')"

    def word(self, column: str, words: Mapping[str, str], default: str) -> str:
        """Fill a column with the one of our words that is meant, else the default; returns SQL: none is meant."""
        whens = " ".join(f"WHEN {literal(word)} THEN {literal(ours)}" for word, ours in words.items())
        written = f"lower({self.text(column)})"
        self.sql[column] = f"CASE {written} {whens} ELSE {literal(default)} END"
        return f"{written} NOT IN ({', '.join(map(literal, words))})"

    def names(self, column: str) -> None:
        """Fill a column with the names between semicolons, or of a list; null for none."""
        cell = self.cell(column)
        if cell.type.endswith("[]"):
            listed = f"CAST({cell.sql} AS VARCHAR[])"
        else:
            array = "CASE WHEN starts_with(t, '[') AND json_valid(t) THEN json_extract_string(t, '$[*]')"
            listed = let("t", cell.text(), f"{array} ELSE string_split(t, ';') END")
        named = (
            f"list_filter(list_transform({listed}, lambda n: {Cell('n').text()}), lambda n: n IS NOT NULL)"
        )
        self.sql[column] = let("l", named, "CASE WHEN len(l) > 0 THEN l END")


def spelled(names: Sequence[str]) -> list[str]:
    """The names, and as programs write them in JSON: `feature_id`, then `featureId`."""
    return list(dict.fromkeys([*names, *map(_camel, names)]))


def _camel(name: str) -> str:
    first_word, *words = name.split("_")
    return first_word + "".join(word.title() for word in words)


# What the data of a CloudEvent may say; the rest is in its attributes.
EVENT_NAMES = {
    column: spelled((column, *NAMES.get(column, ())))
    for column in ("tenant_id", "quantity", "feature_id", "service_name", "resource_id", "region")
}


def has(sample: Sample, *columns: str) -> bool:
    """Whether the sample has all these columns, by whatever name we know."""
    there = {plain(name) for name in sample.columns}
    return all(any(plain(name) in there for name in (column, *NAMES.get(column, ()))) for column in columns)


class TableSource(Source):
    """Files of one kind land in one batch a format: their columns are united by name."""

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        for layout in Format:
            if alike := [sample for sample in samples if sample.format is layout]:
                yield Batch(tuple(s.path for s in alike), layout, (self.mapping(alike),))

    def mapping(self, samples: Sequence[Sample]) -> RowMapping:
        raise NotImplementedError


class SubscriptionsTable(TableSource):
    """What the customers pay."""

    kind: ClassVar[str] = "subscriptions"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Subscriptions,)

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        return has(sample, "tenant_id", "plan", "amount", "started_on")

    def mapping(self, samples: Sequence[Sample]) -> RowMapping:
        table = Table(samples)
        table.tenant()
        table.texts("plan")
        table.days("started_on")
        table.optional_days("ended_on")
        table.rejects["ended_on is before started_on"] = (
            f"{table.sql['ended_on']} < {table.sql['started_on']}"
        )
        table.number("amount", places=MONEY_PLACES)
        table.optional_number("quantity", default="1")
        table.rejects["quantity is negative"] = table.negative("quantity")
        table.currency()
        table.rejects["interval is neither month nor year"] = table.word(
            "interval", _INTERVALS, default="month"
        )
        return table.mapping(Subscriptions)


class InvoicesTable(TableSource):
    """What the provider invoiced."""

    kind: ClassVar[str] = "invoices"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Invoices,)

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        # With a tenant it is an invoice of the vendor's own.
        return has(sample, "invoice_id", "amount", "currency") and not has(sample, "tenant_id")

    def mapping(self, samples: Sequence[Sample]) -> RowMapping:
        table = Table(samples)
        table.texts("invoice_id")
        table.sql["invoice_issuer_name"] = f"COALESCE({table.text('invoice_issuer_name')}, '')"
        table.currency()
        table.number("amount", places=MONEY_PLACES)
        return table.mapping(Invoices)


class TenantInvoicesTable(TableSource):
    """What the vendor invoiced its tenants."""

    kind: ClassVar[str] = "tenant_invoices"
    lands: ClassVar[tuple[type[Dataset], ...]] = (TenantInvoices,)

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        return has(sample, "invoice_id", "tenant_id", "amount", "currency", "issued_on")

    def mapping(self, samples: Sequence[Sample]) -> RowMapping:
        table = Table(samples)
        table.tenant()
        table.texts("invoice_id", "status")
        table.days("issued_on")
        table.optional_days("period_start", "period_end")
        table.currency()
        for column in ("amount", "tax", "paid"):
            table.number(column, places=MONEY_PLACES)
        return table.mapping(TenantInvoices)


class ActiveUsersTable(TableSource):
    """How many users of each tenant were seen on each day."""

    kind: ClassVar[str] = "active_users"
    lands: ClassVar[tuple[type[Dataset], ...]] = (ActiveUsers,)

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        return has(sample, "day", "tenant_id", "users")

    def mapping(self, samples: Sequence[Sample]) -> RowMapping:
        table = Table(samples)
        table.tenant()
        table.days("day")
        table.number("users")
        table.rejects["users is negative"] = table.negative("users")
        return table.mapping(ActiveUsers)


class UsageTable(TableSource):
    """Metered events, flat or as CloudEvents."""

    kind: ClassVar[str] = "usage"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Usage,)

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        return is_cloud_events(sample) or has(sample, "time", "tenant_id", "meter", "quantity")

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        for events in (False, True):
            yield from super().batches([s for s in samples if is_cloud_events(s) is events])

    def mapping(self, samples: Sequence[Sample]) -> RowMapping:
        events = is_cloud_events(samples[0])
        table = Table(samples, events=events)
        table.tenant()
        table.sql["time"] = table.time("time")
        table.sql["day"] = f"CAST({table.sql['time']} AS DATE)"
        table.texts("meter", "feature_id", "service_name", "resource_id", "region")
        if events:
            table.number("quantity")
            # A word for nothing is no quantity either: who counts by events alone says none.
            unread = f"{table.sql['quantity']} IS NULL AND {table.cell('quantity').sql} IS NOT NULL"
            table.rejects["quantity is not a number"] = unread
            table.sql["quantity"] = f"COALESCE({table.sql['quantity']}, 1)"
            table.texts("id", "source")
            table.rejects["specversion is not 1.0"] = f"{table.text('specversion')} IS DISTINCT FROM '1.0'"
        else:
            table.number("quantity")
            self._name_the_nameless(table)
        table.repairs["negative quantity, taken as a correction"] = table.negative("quantity")
        return table.mapping(Usage)

    @staticmethod
    def _name_the_nameless(table: Table) -> None:
        event, source = table.text("id"), table.text("source")
        table.sql["id"] = f"COALESCE({event}, _delivery || ':' || _row)"
        table.sql["source"] = f"COALESCE({source}, regexp_extract(_file, '[^/]*$'))"
        table.repairs["no id: made from the file's content and the row's number"] = f"{event} IS NULL"
        table.repairs["no source: the file's name taken"] = f"{source} IS NULL"
