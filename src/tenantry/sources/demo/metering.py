"""What the vendor's meters saw of it: biased, noisy, sometimes late or lost, and blind to what nobody metered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa

from . import prices
from .dice import Dice, Floats, Ints
from .focus import decimals
from .plan import Plan
from .prices import Service
from .product import FEATURES, REGIONS
from .stored import stored_mb
from .traffic import Cells

_QUANTITY = pa.decimal128(18, 3)
_PLACES = 1000
_HOUR_MS = 3_600_000
_LOST, _LATE = 0.002, 0.01
_DARK_HOURS = range(10, 15)
_DARK_REGION = 0
_RESENT = 600

APP, EDGE, PROBE = "app-meter", "edge-logs", "storage-probe"


@dataclass(frozen=True)
class Meter:
    """How one meter errs. Sigmas of log-normal factors: per tenant and per feature (the same all year, so it never
    averages out: time not spent on the processor, retries the meter misses) and per reading.
    `sampled`: it counts one event in so many.
    """

    name: str
    resource: str
    service: Service | None
    tenant_bias: float
    feature_bias: float = 0.0
    reading: float = 0.0
    sampled: int = 0
    per_unit: int = 1
    """Reported units per unit of the resource."""
    source: str = APP


COMPUTE = Meter("compute_ms", "compute_ms", prices.EC2, 0.012, 0.01, 0.04)
DATABASE = Meter("db_ms", "db_ms", prices.RDS, 0.015, 0.012, 0.05)
REQUESTS = Meter("requests", "requests", prices.ELB, 0.001)
SILO_REQUESTS = Meter("requests", "requests", None, 0.001)
DAILY = (
    Meter("read_units", "read_units", prices.DYNAMODB, 0.002),
    Meter("write_units", "write_units", prices.DYNAMODB, 0.002),
    Meter("gb_ms", "gb_ms", prices.LAMBDA, 0.004),
    Meter("egress_bytes", "egress_kb", prices.CLOUDFRONT, 0.01, reading=0.02, per_unit=1000, source=EDGE),
    Meter("cache_ops", "cache_ops", prices.ELASTICACHE, 0.01, sampled=100),
    Meter("messages", "messages", prices.SQS, 0.005, sampled=100),
    Meter("input_tokens", "input_tokens", prices.BEDROCK, 0.0),
    Meter("output_tokens", "output_tokens", prices.BEDROCK, 0.0),
)
STORED = (
    ("database", Meter("storage_gb_hours", "", prices.RDS, 0.012, reading=0.01, source=PROBE)),
    ("objects", Meter("storage_gb_hours", "", prices.S3, 0.008, reading=0.01, source=PROBE)),
)


@dataclass(frozen=True)
class Readings:
    """Rows of one meter: hour since 1970, tenant, feature (-1: none) and units in thousandths."""

    meter: Meter
    hour: Ints
    tenant: Ints
    feature: Ints
    units: Ints


@dataclass
class Metering:
    """Turns consumption into usage rows, month by month. `noise` multiplies every error but blindness."""

    plan: Plan
    noise: float = 1.0
    issued: dict[str, int] = field(default_factory=dict)

    def table(self, cells: Cells) -> pa.Table:
        """The usage rows of a month, in order of time, as the vendor's collector writes them."""
        shared = cells.only(self.plan.compute_shared[cells.tenant])
        pooled = cells.only(self.plan.database_shared[cells.tenant])
        alone = cells.only(~self.plan.compute_shared[cells.tenant])
        readings = [self._hourly(COMPUTE, shared), self._hourly(DATABASE, pooled)]
        readings += [self._daily(meter, shared, by_feature=False) for meter in DAILY]
        readings += [
            self._daily(REQUESTS, shared, by_feature=True),
            self._daily(SILO_REQUESTS, alone, by_feature=True),
        ]
        readings += [self._stored(kind, meter, cells) for kind, meter in STORED]
        table = pa.concat_tables([self._rows(reading, cells.month) for reading in readings])
        table = table.sort_by([("time", "ascending"), ("source", "ascending"), ("id", "ascending")])
        return self._resent(table, cells.month)

    def _hourly(self, meter: Meter, cells: Cells) -> Readings:
        dice = self._dice(meter, cells.month, "fate")
        hour = cells.hour + np.where(dice.unit(len(cells.hour)) < _LATE * min(self.noise, 1.0), 1, 0)
        hour = np.minimum(hour, len(cells.hours) - 1)
        units = self._measured(
            meter, cells.tenant, cells.feature, cells.consumed[meter.resource], cells.month
        )
        seen = (dice.unit(len(units)) >= _LOST * min(self.noise, 1.0)) & ~self._dark(cells) & (units > 0)
        return Readings(meter, cells.hours[hour][seen], cells.tenant[seen], cells.feature[seen], units[seen])

    def _daily(self, meter: Meter, cells: Cells, *, by_feature: bool) -> Readings:
        """One reading a day and tenant (and feature), stamped with the day's first hour."""
        features = len(FEATURES) if by_feature else 1
        key = (cells.day * self.plan.size + cells.tenant) * features + (cells.feature if by_feature else 0)
        total = np.zeros(cells.days * self.plan.size * features, dtype=np.int64)
        np.add.at(total, key, cells.consumed[meter.resource])
        found = np.flatnonzero(total)
        day_tenant, feature = np.divmod(found, features)
        day, tenant = np.divmod(day_tenant, self.plan.size)
        units = self._measured(meter, tenant, feature, total[found] * meter.per_unit, cells.month)
        return Readings(
            meter,
            cells.hours[0] + day * 24,
            tenant,
            feature if by_feature else np.full_like(feature, -1),
            units,
        )

    def _stored(self, kind: str, meter: Meter, cells: Cells) -> Readings:
        mb = stored_mb(self.plan, cells.month, cells.days, kind)
        mb[~(self.plan.database_shared if kind == "database" else self.plan.compute_shared)] = 0
        tenant, day = (a.astype(np.int64) for a in np.nonzero(mb))
        none = np.full_like(tenant, -1)
        # 24 hours of a megabyte are 0.024 GB-hours; units are thousandths already.
        units = self._measured(meter, tenant, none, mb[tenant, day], cells.month) * 24 // _PLACES
        return Readings(meter, cells.hours[0] + day * 24, tenant, none, units)

    def _measured(self, meter: Meter, tenant: Ints, feature: Ints, true: Ints, month: date) -> Ints:
        """Thousandths of a unit, as read."""
        value = true * float(_PLACES)
        always = Dice(self.plan.seed, "meter", meter.name, meter.resource, meter.source)
        value = value * self._factors(always, self.plan.size, meter.tenant_bias)[tenant]
        value = value * self._factors(always, len(FEATURES), meter.feature_bias)[feature]
        dice = self._dice(meter, month, "reading")
        value = value * self._factors(dice, len(true), meter.reading)
        if meter.sampled:
            error = (
                dice.normal(len(true)) * self.noise * np.sqrt(meter.sampled / np.maximum(true, meter.sampled))
            )
            value = value * np.maximum(0.0, 1 + error)
        whole = np.floor(value / _PLACES + 0.5).astype(np.int64)
        return whole * _PLACES

    def _factors(self, dice: Dice, n: int, sigma: float) -> Floats:
        return dice.lognormal(n, sigma * self.noise) if sigma * self.noise else np.ones(n)

    def _dice(self, meter: Meter, month: date, what: str) -> Dice:
        service = meter.service.code if meter.service else "none"
        return Dice(self.plan.seed, what, meter.name, service, month.toordinal())

    def _dark(self, cells: Cells) -> np.ndarray:
        """Readings of the afternoon on which no EU meter reported."""
        dark = self.plan.story.unmetered
        if (dark.year, dark.month) != (cells.month.year, cells.month.month):
            return np.zeros(len(cells.hour), dtype=bool)
        lost = (cells.hour // 24 == dark.day - 1) & np.isin(cells.hour % 24, list(_DARK_HOURS))
        return lost & (self.plan.region == _DARK_REGION)[cells.tenant]

    def _rows(self, readings: Readings, month: date) -> pa.Table:
        meter, count = readings.meter, len(readings.hour)
        first = self.issued.get(meter.source, 0)
        self.issued[meter.source] = first + count
        numbers = pa.array(np.arange(first, first + count)).cast(pa.string())
        feature = pa.array(readings.feature, mask=readings.feature < 0)
        return pa.table(
            {
                "id": numbers,
                "source": pa.repeat(meter.source, count),
                "time": pa.array(readings.hour * _HOUR_MS).cast(pa.timestamp("ms", "UTC")),
                "tenant_id": self._named(readings, month),
                "feature_id": pa.array(FEATURES).take(feature),
                "service_name": pa.repeat(
                    pa.scalar(meter.service.name if meter.service else None, pa.string()), count
                ),
                "resource_id": pa.nulls(count, pa.string()),
                "region": pa.array(REGIONS).take(pa.array(self.plan.region[readings.tenant])),
                "meter": pa.repeat(meter.name, count),
                "quantity": decimals(readings.units, _QUANTITY),
            }
        )

    def _named(self, readings: Readings, month: date) -> pa.Array:
        """The application knows ids; the edge knows host names, and one of them changed hands."""
        if readings.meter.source != EDGE:
            return pa.array(self.plan.names).take(pa.array(readings.tenant))
        before, after = self._hosts(0), self._hosts(-1)
        moved = (self.plan.story.alias_moved - date(1970, 1, 1)).days
        index = readings.tenant + np.where(readings.hour // 24 >= moved, len(before), 0)
        return pa.array(before + after).take(pa.array(index))

    def _hosts(self, which: int) -> list[str]:
        return [*(t.aliases[which].split("@")[0] for t in self.plan.tenants), self.plan.names[-1]]

    def _resent(self, table: pa.Table, month: date) -> pa.Table:
        """One batch was delivered twice: the same ids, the same payload."""
        if month != self.plan.months[len(self.plan.months) // 3]:
            return table
        start = len(table) // 2
        return pa.concat_tables([table, table.slice(start, min(_RESENT, len(table) - start))])
