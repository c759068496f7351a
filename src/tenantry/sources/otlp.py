"""OpenTelemetry: metrics, spans and log records as the collector's file exporter writes them in JSON, as usage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from ..datasets.counters import UNKNOWN_START, UsageCounters
from ..datasets.names import UNATTRIBUTED
from ..datasets.usage import Usage
from ..kernel.dataset import Dataset
from ..kernel.money import QUANTITY_PLACES
from ..kernel.source import Batch, Format, RowMapping, Sample, Source
from .attributes import FEATURE, REGION, SERVICE, TENANT
from .cells import Cell, full, literal, pointer

# Spans that are one request to a service; the others are parts of it.
_REQUESTS = ("server", "consumer")
_LEVELS = ("gauge", "summary")
_PLACES = ("attributes", "scope", "resource")
_CONTENT = ("kind", "resource", "scope", "metric", "unit", "attributes")


class Otlp(Source):
    """Attributes are looked up key by key, each on the point itself, then on its scope, then on its resource."""

    kind: ClassVar[str] = "otlp"
    lands: ClassVar[tuple[type[Dataset], ...]] = (Usage, UsageCounters)

    tenant: Annotated[tuple[str, ...], Field(description="attributes that name the tenant, the best first")] = (
        *TENANT, "baggage.tenant.id", "baggage.tenant_id", "enduser.id",
    )  # fmt: skip
    feature: Annotated[tuple[str, ...], Field(description="attributes that name the feature")] = FEATURE
    service: Annotated[tuple[str, ...], Field(description="attributes that name the service")] = SERVICE
    region: Annotated[tuple[str, ...], Field(description="attributes that name the region")] = REGION
    resource: Annotated[tuple[str, ...], Field(description="attributes that name the resource")] = (
        "cloud.resource_id", "service.instance.id",
    )  # fmt: skip

    @classmethod
    def recognises(cls, sample: Sample) -> bool:
        return sample.format is Format.OTLP

    def batches(self, samples: Sequence[Sample]) -> Iterator[Batch]:
        if samples:
            files = tuple(sample.path for sample in samples)
            yield Batch(files, Format.OTLP, (self._usage(), self._counters()))

    def _usage(self) -> RowMapping:
        aside = (*self._no_usage(), ("running totals: in the account of usage_counters", _is("cumulative")))
        rejects = (("neither delta nor cumulative", "temporality IS NULL"), *self._rejects())
        # A delta of an hour that ends with it is of that hour, and not of the next.
        began = f"COALESCE(least({_time('started')}, {_time('observed')}), {_time('observed')})"
        columns = {
            **self._columns(),
            "time": began,
            "day": f"CAST({began} AS DATE)",
            "id": f"COALESCE(event, {_hash(*_CONTENT, 'started', 'observed')})",
            "quantity": _QUANTITY,
        }
        return RowMapping(Usage, columns, rejects, _REPAIRS, aside=aside, asked=self._asked())

    def _counters(self) -> RowMapping:
        aside = (
            *self._no_usage(),
            ("no running totals: in the account of usage", f"NOT {_is('cumulative')}"),
        )
        columns = {
            **self._columns(),
            "id": _hash(*_CONTENT, "started", "observed"),
            "series": _hash(*_CONTENT),
            "started": f"COALESCE({_time('started')}, {UNKNOWN_START})",
            "reading": _QUANTITY,
        }
        return RowMapping(UsageCounters, columns, self._rejects(), _REPAIRS, aside=aside, asked=self._asked())

    def _columns(self) -> dict[str, str]:
        at = _time("observed")
        return {
            "source": literal(self.kind),
            "time": at,
            "day": f"CAST({at} AS DATE)",
            "tenant_id": f"COALESCE({self._named(self.tenant)}, {literal(UNATTRIBUTED)})",
            "feature_id": self._named(self.feature),
            "service_name": self._named(self.service),
            "resource_id": self._named(self.resource),
            "region": self._named(self.region),
            "meter": Cell("metric").text(),
        }

    def _no_usage(self) -> tuple[tuple[str, str], ...]:
        """What is no usage, and why."""
        requests = ", ".join(map(literal, _REQUESTS))
        levels = ", ".join(map(literal, _LEVELS))
        return (
            ("gauges and summaries: no quantities that add up", f"kind IN ({levels})"),
            ("sums that also fall", "monotonic IS NULL AND kind = 'sum'"),
            ("points without a value", "unrecorded IS NOT NULL"),
            (
                "spans that are parts of a request",
                f"starts_with(metric, 'spans') AND event IS NOT NULL AND kind NOT IN ({requests})",
            ),
            (
                "spans and log records without a tenant",
                f"event IS NOT NULL AND {self._named(self.tenant)} IS NULL",
            ),
        )

    def _rejects(self) -> tuple[tuple[str, str], ...]:
        reserved = full(f"COALESCE({self._named(self.tenant)}, '')", r"\(.*\)")
        return (
            ("tenant_id in parentheses is reserved", reserved),
            ("below zero, though it only grows", f"starts_with(number, '-') AND {_NUMBER} < 0"),
        )

    def _keys(self) -> list[str]:
        fields = (self.tenant, self.feature, self.service, self.region, self.resource)
        return list(dict.fromkeys(key for keys in fields for key in keys)) or [""]

    def _asked(self) -> dict[str, str]:
        """All attributes that we look for, in the three places where they may be."""
        paths = ", ".join(literal(pointer(key)) for key in self._keys())
        return {f"_{place}": f"json_extract_string({place}, [{paths}])" for place in _PLACES}

    def _named(self, keys: Sequence[str]) -> str:
        """SQL: what the first of these attributes says that says anything."""
        every = self._keys()
        said = [f"NULLIF(_{place}[{every.index(key) + 1}], '')" for key in keys for place in _PLACES]
        return Cell(f"COALESCE({', '.join([*said, 'NULL'])})", "TEXT").text()


_NUMBER = Cell("number").number(QUANTITY_PLACES)
# Units of UCUM in those that OpenTelemetry's conventions ask for, seconds and bytes: a service that goes over to these
# keeps its meter. A metric whose name says its unit keeps that.
_BASE = {
    "ns": "0.000000001", "us": "0.000001", "ms": "0.001", "min": "60", "h": "3600", "d": "86400",
    "kBy": "1000", "MBy": "1000000", "GBy": "1000000000", "TBy": "1000000000000",
    "KiBy": "1024", "MiBy": "1048576", "GiBy": "1073741824", "TiBy": "1099511627776",
}  # fmt: skip
_NAMED = (
    "(?i)[._](ns|us|ms|(nano|micro|milli)s(ec(ond)?s?)?|min(ute)?s?|h(ou)?rs?|h|d(ay)?s?|[kmgt]i?b(ytes?)?"
    "|(kilo|mega|giga|tera|kibi|mebi|gibi|tebi)bytes?)(.sum)?$"
)
_FACTOR = " ".join(f"WHEN {literal(unit)} THEN {factor}" for unit, factor in _BASE.items())
# What is then too large is no number that can be kept.
_QUANTITY = (
    f"CASE WHEN unit IN ({', '.join(map(literal, _BASE))}) AND NOT ends_with(metric, '.count')"
    f" AND NOT regexp_matches(metric, {literal(_NAMED)})"
    f" THEN TRY(CAST({_NUMBER} * CAST(CASE unit {_FACTOR} END AS DECIMAL(22,9)) AS DECIMAL(38,{QUANTITY_PLACES})))"
    f" ELSE {_NUMBER} END"
)
_REPAIRS = (
    (
        f"quantity has more than {QUANTITY_PLACES} decimals: rounded half to even",
        Cell("number").rounded_number(QUANTITY_PLACES),
    ),
    # OpenTelemetry's metrics SDK, "Cardinality limits".
    (
        "attributes are lost: the sender counted beyond its limit of combinations",
        """contains(attributes, '"otel.metric.overflow":true')""",
    ),
)


def _is(temporality: str) -> str:
    return f"(temporality IS NOT DISTINCT FROM {literal(temporality)})"


def _time(column: str) -> str:
    """SQL: TIMESTAMP of Unix nanoseconds, null for none; cut to microseconds."""
    return f"make_timestamp(NULLIF(greatest(TRY_CAST({column} AS BIGINT), 0), 0) // 1000)"


def _hash(*columns: str) -> str:
    """SQL: what names a point, which has no id of its own. Columns are apart by a character that JSON does not hold."""
    parts = (f"COALESCE({column}, '')" for column in columns)
    return f"md5({' || chr(31) || '.join(parts)})"
