"""The same allocation from the same events in Polars, DataFusion and chDB: of each the fastest form we found.

Same integers, same truncation, same heirs as hand_sql, so the rows are the same to the last digit; each writes Parquet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

ONE = 1 << 60
"""1 as a rate: fixed point of 60 binary places, as in hand_sql."""


def polars_days(folder: Path, days: Sequence[date], target: Path, bases: Sequence[str]) -> None:
    """Streaming, a day at a time. Decimals are taken as the 128-bit integers they are."""
    import polars as pl

    place = ["hour", "service_name"]
    who = ["tenant_id", "feature_id", "service_name"]

    def part(amount: pl.Expr, of: pl.Expr | int) -> pl.Expr:
        """Division that truncates towards zero."""
        return amount.sign() * (amount.abs() // of)

    accounts = pl.scan_parquet(folder / "tenants.parquet")
    bill = (
        pl.scan_parquet(f"{folder}/charges/*/*.parquet")
        .join(accounts, left_on="sub_account_id", right_on="account", how="left")
        .group_by(
            pl.col("charge_period_start").alias("hour"),
            "service_name",
            silo=pl.col("tenant_id").fill_null(""),
        )
        .agg(pl.col(bases).sum())
        .with_columns(part(pl.col(b).to_physical(), 10**8) for b in bases)
        .collect(engine="streaming")
    )
    for day in days:
        used = pl.scan_parquet(f"{folder}/usage/day={day}/*.parquet").select(
            *who, hour=pl.col("time").dt.truncate("1h"), units=pl.col("quantity").to_physical()
        )
        cell = used.group_by(place).agg(pl.col("units").sum()).collect(engine="streaming")
        today = bill.filter(pl.col("hour").dt.date() == day)
        shared = today.filter(pl.col("silo") == "")
        rated = shared.join(cell, on=place)
        rate = rated.select(*place, *(part(pl.col(b) * ONE, pl.col("units")) for b in bases))
        share = (
            used.join(rate.lazy(), on=place)
            .group_by(who)
            .agg((pl.col("units") * pl.col(b)).sum().alias(b) for b in bases)
            .with_columns(part(pl.col(b), ONE) for b in bases)
            .collect(engine="streaming")
        )
        heir = share.sort(bases[0], "tenant_id", "feature_id", descending=[True, False, False]).unique(
            "service_name", keep="first", maintain_order=True
        )
        due = rated.group_by("service_name").agg(pl.col(bases).sum())
        given = share.group_by("service_name").agg(pl.col(bases).sum())
        rest = (
            heir.select(who)
            .join(due, on="service_name")
            .join(given, on="service_name", suffix="_given")
            .select(*who, *(pl.col(b) - pl.col(f"{b}_given") for b in bases))
        )
        shares = share.join(rest, on=who, how="left", suffix="_rest").select(
            *who, *(pl.col(b) + pl.col(f"{b}_rest").fill_null(0) for b in bases)
        )
        silo = today.filter(pl.col("silo") != "").group_by(pl.col("silo").alias("tenant_id"), "service_name")
        idle = shared.join(cell, on=place, how="anti").with_columns(tenant_id=pl.lit("(unallocated)"))
        others = [
            rows.agg(pl.col(bases).sum()).select(
                "tenant_id", pl.lit("").alias("feature_id"), "service_name", *bases
            )
            for rows in (silo, idle.group_by("tenant_id", "service_name"))
        ]
        step = pl.lit("0.0000000001").cast(pl.Decimal(38, 10))
        result = pl.concat([shares, *others]).with_columns(
            pl.col(b).cast(pl.Decimal(38, 0)) * step for b in bases
        )
        result.write_parquet(target / f"{day}.parquet")


def datafusion_days(
    folder: Path, days: Sequence[date], target: Path, bases: Sequence[str], threads: int
) -> None:
    """SQL, a day at a time. Integers of 128 bits are decimals without places; shifts need 256 bits."""
    import pyarrow as pa
    from datafusion import SessionConfig, SessionContext

    context = SessionContext(SessionConfig().with_target_partitions(threads))
    context.register_parquet("usage", f"{folder}/usage/", table_partition_cols=[("day", pa.date32())])
    context.register_parquet("charges", f"{folder}/charges/")
    context.register_parquet("tenants", f"{folder}/tenants.parquet")
    one = f"arrow_cast({ONE}, 'Decimal256(19, 0)')"

    def keep(name: str, query: str) -> None:
        """A query's rows in memory, under a name."""
        context.deregister_table(name)
        context.register_record_batches(name, [context.sql(query).collect()])

    def each(template: str) -> str:
        return ", ".join(template.replace("#", basis) for basis in bases)

    def money(units: str) -> str:
        return f"{units} * arrow_cast('0.0000000001', 'Decimal128(10, 10)') AS #"

    for day in days:
        due = each("arrow_cast(sum(#) * 10000000000, 'Decimal128(38, 0)') AS #")
        keep(
            "bill",
            f"""
            SELECT charge_period_start AS hour, service_name, coalesce(tenant_id, '') AS silo, {due}
            FROM charges LEFT JOIN tenants ON account = sub_account_id
            WHERE charge_day = DATE '{day}' GROUP BY 1, 2, 3""",
        )
        keep(
            "cell",
            f"""
            SELECT date_trunc('hour', time) AS hour, service_name, sum(quantity) * 1000000000 AS units
            FROM usage WHERE day = DATE '{day}' GROUP BY 1, 2""",
        )
        rate = f"trunc(arrow_cast(#, 'Decimal256(60, 0)') * {one} / arrow_cast(units, 'Decimal256(38, 0)'))"
        keep(
            "rate",
            f"""
            SELECT bill.hour, bill.service_name, {each(f"arrow_cast({rate}, 'Decimal128(38, 0)') AS #")}
            FROM bill JOIN cell ON bill.hour = cell.hour AND bill.service_name = cell.service_name WHERE silo = ''""",
        )
        part = (
            f"trunc(arrow_cast(#, 'Decimal256(60, 9)') * arrow_cast(1000000000, 'Decimal256(10, 0)') / {one})"
        )
        keep(
            "share",
            f"""
            SELECT tenant_id, feature_id, service_name, {each(f"arrow_cast({part}, 'Decimal128(38, 0)') AS #")}
            FROM (
                SELECT u.tenant_id, u.feature_id, u.service_name, {each("sum(u.quantity * r.#) AS #")}
                FROM usage AS u
                JOIN rate AS r ON r.hour = date_trunc('hour', u.time) AND r.service_name = u.service_name
                WHERE u.day = DATE '{day}' GROUP BY 1, 2, 3
            )""",
        )
        context.sql(
            f"""
            COPY (
                WITH due AS (
                    SELECT bill.service_name, {each("sum(#) AS #")} FROM bill
                    JOIN cell ON bill.hour = cell.hour AND bill.service_name = cell.service_name
                    WHERE silo = '' GROUP BY 1
                ),
                given AS (
                    SELECT service_name, max({bases[0]}) AS most, {each("sum(#) AS #")} FROM share GROUP BY 1
                ),
                heir AS (
                    SELECT s.service_name, s.tenant_id, s.feature_id, {each("due.# - given.# AS #")},
                        row_number() OVER (PARTITION BY s.service_name ORDER BY s.tenant_id, s.feature_id) AS place
                    FROM share AS s
                    JOIN given ON given.service_name = s.service_name AND given.most = s.{bases[0]}
                    JOIN due ON due.service_name = s.service_name
                )
                SELECT s.tenant_id, s.feature_id, s.service_name, {each(money("(s.# + coalesce(heir.#, 0))"))}
                FROM share AS s
                LEFT JOIN heir ON place = 1 AND heir.service_name = s.service_name
                    AND heir.tenant_id = s.tenant_id AND heir.feature_id = s.feature_id
                UNION ALL
                SELECT silo, '', service_name, {each(money("sum(#)"))} FROM bill WHERE silo <> '' GROUP BY 1, 2, 3
                UNION ALL
                SELECT '(unallocated)', '', bill.service_name, {each(money("sum(#)"))}
                FROM bill LEFT JOIN cell ON bill.hour = cell.hour AND bill.service_name = cell.service_name
                WHERE silo = '' AND cell.hour IS NULL GROUP BY 1, 2, 3
            ) TO '{target}/{day}.parquet' STORED AS PARQUET"""
        ).collect()


def chdb_days(folder: Path, days: Sequence[date], target: Path, bases: Sequence[str], threads: int) -> None:
    """SQL of ClickHouse, a day at a time. 128-bit sums wrap there without a word: the sizes here stay far below."""
    from chdb.session import Session

    session = Session()
    session.query(f"SET max_threads = {threads}")
    session.query("SET schema_inference_make_columns_nullable = 0")
    session.query("CREATE DATABASE bench")

    def keep(name: str, query: str) -> None:
        """A query's rows in memory, under a name."""
        session.query(f"DROP TABLE IF EXISTS bench.{name}")
        session.query(f"CREATE TABLE bench.{name} ENGINE = Memory AS {query}")

    def each(template: str) -> str:
        return ", ".join(template.replace("#", basis) for basis in bases)

    def money(units: str) -> str:
        return f"reinterpret({units}, 'Decimal(38, 10)') AS #"

    for day in days:
        usage = f"file('{folder}/usage/day={day}/*.parquet', Parquet)"
        keep(
            "bill",
            f"""
            SELECT toHour(charge_period_start) AS hour, service_name, t.tenant_id AS silo,
                {each("intDiv(reinterpretAsInt128(sum(c.#)), 100000000) AS #")}
            FROM file('{folder}/charges/*/*.parquet', Parquet) AS c
            LEFT JOIN file('{folder}/tenants.parquet', Parquet) AS t ON t.account = c.sub_account_id
            WHERE charge_day = '{day}' GROUP BY hour, service_name, silo""",
        )
        keep(
            "cell",
            f"""
            SELECT toHour(time) AS hour, service_name, sum(reinterpretAsInt128(quantity)) AS units
            FROM {usage} GROUP BY hour, service_name""",
        )
        keep(
            "rate",
            f"""
            SELECT hour, service_name, {each(f"intDiv(b.# * toInt128({ONE}), units) AS #")}
            FROM bench.bill AS b JOIN bench.cell AS c USING (hour, service_name) WHERE silo = ''""",
        )
        part = f"intDiv(sum(reinterpretAsInt128(quantity) * r.#), toInt128({ONE})) AS #"
        keep(
            "share",
            f"""
            SELECT tenant_id, feature_id, u.service_name AS service_name, {each(part)}
            FROM {usage} AS u JOIN bench.rate AS r ON r.hour = toHour(u.time) AND r.service_name = u.service_name
            GROUP BY tenant_id, feature_id, service_name""",
        )
        session.query(
            f"""
            INSERT INTO FUNCTION file('{target}/{day}.parquet', Parquet)
            WITH due AS (
                SELECT service_name, {each("sum(b.#) AS #")} FROM bench.bill AS b
                WHERE silo = '' AND (hour, service_name) IN (SELECT hour, service_name FROM bench.cell)
                GROUP BY service_name
            ),
            heir AS (
                SELECT service_name, argMin((tenant_id, feature_id), (-s.{bases[0]}, tenant_id, feature_id)) AS who,
                    {each("sum(s.#) AS #")}
                FROM bench.share AS s GROUP BY service_name
            )
            SELECT tenant_id, feature_id, s.service_name AS service_name,
                {each(money("s.# + if((tenant_id, feature_id) = who, due.# - heir.#, toInt128(0))"))}
            FROM bench.share AS s
            JOIN heir ON heir.service_name = s.service_name
            JOIN due ON due.service_name = s.service_name
            UNION ALL
            SELECT silo, '', service_name, {each(money("sum(b.#)"))} FROM bench.bill AS b
            WHERE silo <> '' GROUP BY silo, service_name
            UNION ALL
            SELECT '(unallocated)', '', service_name, {each(money("sum(b.#)"))} FROM bench.bill AS b
            WHERE silo = '' AND (hour, service_name) NOT IN (SELECT hour, service_name FROM bench.cell)
            GROUP BY service_name"""
        )
    session.close()
