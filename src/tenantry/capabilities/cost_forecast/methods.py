"""Methods of forecasting written as code: tried beside the default, used once a person has said so, and stopped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from ...datasets import ForecastMethods, ForecastTrials, Margin
from ...datasets.forecast_methods import Libraries, code_of
from ...datasets.forecasts import panels
from ...errors import Kind, TenantryError, invalid, unknown
from ...kernel import Context, Effect, Row, Window, tool
from ...kernel.dataset import Dimension, Note, OptionalDay, OptionalDimension, Ratio
from .ahead import newest

DEFAULT = "default"
_EXAMPLE = "def forecast(series, horizon):\n    return [s['default'] for s in series]\n"
_CAREFUL = 0.5
"""Of the time that a build gives: what is let through here is not stopped there by a busy machine."""
_FIRST = date(1, 1, 1)

Method = Annotated[str, Field(description="as `methods` names it")]


class ForecastMethod(BaseModel):
    """A method in one currency: the default, one that was tried, or the one in use."""

    method: Dimension
    state: Annotated[Dimension, Field(description="in use, accepted, or not accepted")]
    currency: OptionalDimension
    since: Annotated[OptionalDay, Field(description="it makes the forecasts after this month and later ones")]
    origin: Annotated[OptionalDay, Field(description="the month after which it was last tried")]
    error: Annotated[Ratio, Field(description="mean absolute error on the tenants' own scales")]
    default_error: Annotated[Ratio, Field(description="that of the default, of the same tenants and months")]
    against: Annotated[Note, Field(description="why it was not accepted")]
    by: Annotated[OptionalDimension, Field(description="who chose it; else who tried it")]
    code: Note


@tool(Effect.PROPOSE, code=_EXAMPLE)
def try_method(
    ctx: Context,
    code: Annotated[
        str,
        Field(
            description="Python that defines forecast(series, horizon): a list of `horizon` amounts for each series;"
            " a series is a dict of level, measure, number, values (oldest first) and default (the default's forecast)"
        ),
    ],
    libraries: Annotated[
        Libraries, Field(description="`numpy` for numpy and pandas, where settings allow it")
    ] = "none",
) -> list[ForecastTrials]:
    """Try a method of forecasting written as code: the forecasts it would have made in the last twelve months, beside
    the default's. It is used for nothing until `use_method`.

    The code is given what was known at each month and nothing else, in a sandbox without files, network or clock. The
    verdict is kept.
    """
    # numpy is for this alone: `--help` reads this module, too.
    from ...methods.forecast.candidate import candidate  # noqa: PLC0415
    from ...methods.forecast.outlook import backtest  # noqa: PLC0415
    from ...methods.forecast.verdict import Backtest, judge  # noqa: PLC0415

    origin = newest(ctx, None)
    if ctx.sandbox is None:
        raise TenantryError(
            Kind.UNAVAILABLE, "there is no sandbox here", "ask the control plane that keeps the lake"
        )
    asked = code_of(code, libraries)
    found: list[ForecastTrials] = []
    for currency, months, panel in panels(_amounts(ctx, origin), origin.end):
        at = len(months)
        default = backtest(panel, at, at)
        points, problem, _ = candidate(
            default.points, asked, ctx.sandbox, at, seconds=ctx.sandbox.seconds * _CAREFUL
        )
        if problem:
            raise problem
        verdict = judge(default, Backtest(panel, points), at)
        found.append(
            ForecastTrials(
                method=asked.digest,
                origin=origin.start,
                currency=currency,
                libraries=libraries,
                code=code,
                by=ctx.principal.name,
                at=ctx.now.replace(tzinfo=None),
                **vars(verdict),
            )
        )
    ctx.record(*found)
    return found


def _amounts(ctx: Context, origin: Window) -> list[Row]:
    rows = ctx.totals(
        Margin,
        Window(_FIRST, origin.end),
        by=("currency", "month", "tenant_id", "tier"),
        measures=("effective_cost", "revenue"),
    )
    return [Row(row, cost=float(row.effective_cost), revenue=float(row.revenue)) for row in rows]


@tool()
def methods(ctx: Context) -> list[ForecastMethod]:
    """The methods of forecasting: the default, those that were tried with their latest verdict, and which is in use."""
    newest(ctx, None)
    used = _used(ctx)
    latest = {(t.method, t.currency): t for t in sorted(ctx.rows(ForecastTrials), key=lambda t: t.origin)}
    found = [
        ForecastMethod(
            method=DEFAULT,
            state="accepted" if used and used.method else "in use",
            currency=None,
            since=used.since if used and not used.method else None,
            origin=None,
            error=None,
            default_error=None,
            against=None,
            by=used.by if used and not used.method else None,
            code=None,
        )
    ]
    for trial in latest.values():
        chosen = used if used and used.method == trial.method else None
        state = "in use" if chosen else "accepted" if trial.accepted else "not accepted"
        found.append(
            ForecastMethod(
                method=trial.method,
                state=state,
                currency=trial.currency,
                origin=trial.origin,
                code=trial.code,
                since=chosen.since if chosen else None,
                error=trial.error,
                default_error=trial.default_error,
                against=trial.against,
                by=chosen.by if chosen else trial.by,
            )
        )
    return found


def _used(ctx: Context) -> ForecastMethods | None:
    return max(ctx.rows(ForecastMethods), key=lambda row: row.since, default=None)


@tool(Effect.ACT, method="0123456789abcdef")
def use_method(ctx: Context, method: Method) -> ForecastMethods:
    """Let a method that was accepted make the forecasts after the newest whole month and later ones.

    From the next build on. Each build holds it against the default anew, and uses the default, with a note, where the
    code fails, takes too long or is no longer better.
    """
    origin = newest(ctx, None).start
    trials = ctx.rows(ForecastTrials, method=method)
    if not trials:
        raise unknown("method", method, {t.method for t in ctx.rows(ForecastTrials)}, "`methods` lists them")
    now = [trial for trial in trials if trial.origin == origin]
    if not any(trial.accepted for trial in now):
        raise _refused(method, now)
    trial = now[0]
    return _chosen(ctx, origin, trial.method, trial.libraries, trial.code)


def _refused(method: str, now: Sequence[ForecastTrials]) -> TenantryError:
    problem = "; ".join(f"{t.currency}: {t.against}" for t in now) or "it was tried on older months only"
    return invalid(
        f"method: {problem}",
        "only what beat the default in `try_method` can be used",
        params=[{"param": "method", "problem": f"{method} is not accepted: {problem}"}],
    )


@tool(Effect.ACT)
def stop_method(ctx: Context) -> ForecastMethods:
    """Let the default make the forecasts after the newest whole month and later ones again, from the next build on."""
    origin = newest(ctx, None).start
    used = _used(ctx)
    if used is None or used.method is None:
        raise invalid("no method but the default is in use", "`methods` says which is")
    return _chosen(ctx, origin, None, None, None)


def _chosen(
    ctx: Context, origin: date, method: str | None, libraries: str | None, code: str | None
) -> ForecastMethods:
    row = ForecastMethods(
        since=origin,
        method=method,
        libraries=libraries,
        code=code,
        by=ctx.principal.name,
        at=ctx.now.replace(tzinfo=None),
    )
    ctx.record(row)
    return row
