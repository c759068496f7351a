"""Opens what a command works with: the control plane over a lake, what answers questions, what does jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import invalid
from ..kernel import Dataset, Principal
from ..sources import SOURCES
from .known import catalog, outward_prices, settings, sources, whole_catalog

if TYPE_CHECKING:
    from ..config import Settings
    from ..engine.duckdb import DuckDB
    from ..runtime.agents.agency import Agency
    from ..runtime.agents.runs import Run, Runs
    from ..runtime.asking.asking import Asking
    from ..runtime.asking.memory import Memory
    from ..runtime.asking.plans import Guess
    from ..runtime.jobs import Step
    from ..runtime.outward import Outward
    from ..runtime.plane import ControlPlane
    from ..runtime.publish import Publisher
    from ..runtime.records import Records
    from ..runtime.state import State
    from ..runtime.uploads import Uploads
    from ..runtime.worker import Worker

_MONTHS, _TENANTS = 14, 240
_TIDIED = "40 4 * * *"
"""When it is done where no schedule says, after the builds of a night."""
STATE = "state.db"
"""The state store's file in the lake, unless the settings name a database."""


def open_plane(lake: str | None, allocation: Mapping[str, Any] | None = None) -> ControlPlane:
    """The control plane over a lake: the given one, else that of the settings. `allocation` goes before theirs."""
    from ..datasets import ClosedCost, ClosedDays, FeatureCost, PoolCost
    from ..datasets.default_policy import settings_from, settings_of
    from ..engine.duckdb import DuckDB
    from ..engine.lake import Lake
    from ..methods.routes import Routing
    from ..runtime.books import Books
    from ..runtime.plane import ControlPlane
    from ..runtime.sandbox import Rooms

    said = settings()
    if said.engine.url != "duckdb":
        raise invalid(
            f"engine.url = {said.engine.url!r}: the commands run on the embedded engine",
            "leave engine.url out; docs/how-to/add-an-engine.md shows how to build on Spark",
        )
    engine = DuckDB(Lake(lake or said.lake.path), said.engine.memory_limit, said.engine.threads)
    ask = settings_from(said.allocation if allocation is None else allocation)

    def built_under(reader: DuckDB) -> Mapping[str, Any]:
        return settings_of(reader.lake.notes(PoolCost)) or ask(reader)

    told = {"routing": Routing.read(said.routing), "sandbox": Rooms(**vars(said.sandbox))}
    plane = ControlPlane(
        engine, whole_catalog(), ask, built_under, lambda: datetime.now(UTC), told,
        cache(lambda: _open_records(_state_url(said, lake), engine)),
        lambda: said.state.url is not None or (engine.lake.path / STATE).exists(),
    )  # fmt: skip
    plane.runtime.proposals_last = timedelta(days=said.decisions.expire_days)
    plane.publisher = _publisher(said, engine)
    plane.land_own = lambda: _land_own(plane)
    if said.mcp or said.a2a:
        plane.runtime.outward = _outward(plane)
    if said.books.closed_through:
        through = date.fromisoformat(f"{said.books.closed_through}-01")
        plane.books = Books(ClosedDays, ClosedCost, FeatureCost, through)
    return plane


def open_asking(plane: ControlPlane) -> Asking:
    """What answers questions over a control plane and keeps conversations in its state store; by agents where a
    language model is configured.

    Raises `invalid` where the model's libraries are missing or its settings cannot be.
    """
    from ..runtime.asking.asking import Asking

    def memory() -> Memory:
        from ..runtime.asking.memory import Memory  # with the state store, which few questions need

        return Memory(plane.state, plane.now)

    likely = _likely()
    asking = _agency(plane, memory, likely) if settings().agent.model else Asking(plane.runtime, memory)
    asking.likely = likely
    return asking


def _likely() -> Guess | None:
    folder = settings().asking.sentences
    if folder is None:
        return None
    from ..runtime.asking.likely import Likely

    return Likely(folder).figures


def _agency(plane: ControlPlane, memory: Callable[[], Memory], likely: Guess | None) -> Agency:
    said = settings().agent
    try:
        from ..runtime.agents.agency import Agency, Voice
        from ..runtime.agents.figures import ungrounded
        from ..runtime.agents.framework.agents import Limits, Price
        from ..runtime.agents.framework.models import Choice, open_model
        from ..runtime.agents.framework.offline import NAME, Offline
    except ModuleNotFoundError as missing:
        raise invalid(
            f"agent.model: {missing.name} is not installed", "pip install 'tenantry[agent]'"
        ) from None
    from ..runtime.agents import team
    from ..runtime.asking.asking import Asking

    limits = Limits(
        said.max_requests_per_run, said.max_tokens_per_run, said.max_cost_per_run, said.run_seconds,
        Price(*said.price) if said.price else None,
    )  # fmt: skip
    told = team(plane.catalog, settings().business_context, said.prompts)
    key = said.api_key.get_secret_value() if said.api_key else None

    def open_voice(principal: Principal) -> Voice:
        if said.model == NAME:
            offline = Asking(plane.runtime)
            offline.likely = likely
            planner = Offline(offline, told, principal)
            return planner, planner.ungrounded
        choice = Choice.of(
            said.model, base_url=said.base_url, api_key=key, region=said.region, timeout=said.timeout_seconds,
            retries=said.retries, max_output_tokens=said.max_output_tokens,
        )  # fmt: skip
        return open_model(choice), ungrounded

    return Agency(plane.runtime, told, said.model, open_voice, limits, cache(lambda: _runs(plane)), memory)


def _runs(plane: ControlPlane) -> Runs:
    from ..runtime.agents.runs import Daily, Runs

    said = settings().agent
    return Runs(plane.state, plane.now, Daily(said.max_tokens_per_day, said.max_cost_per_day))


def _outward(plane: ControlPlane) -> Outward:
    from ..runtime.outward import Outward, OutwardLimits

    said = settings().limits
    limits = OutwardLimits(said.outward_calls_per_day, said.outward_cost_per_day)
    return Outward(lambda: plane.state, plane.now, limits, outward_prices())


def _land_own(plane: ControlPlane) -> None:
    from ..sources.own_usage import outward_usage

    engine = plane.engine
    _runs(plane).land(engine, own_usage)
    _outward(plane).land(engine, lambda c: [*outward_usage(c.id, c.at, c.tenant_id, c.cost)])


def own_usage(run: Run) -> list[Dataset]:
    from ..sources.own_usage import model_usage

    spent = run.spent
    tokens = spent.input_tokens + spent.output_tokens
    return [*model_usage(run.id, run.at, run.tenant_id, tokens, spent.cost)]


def _publisher(said: Settings, engine: DuckDB) -> Publisher | None:
    url = said.state.url if said.publish.url == "state" else said.publish.url
    if said.publish.folder is None and said.publish.url is None:
        return None
    from ..runtime.publish import Publisher

    if said.publish.url == "state" and not (url or "").startswith("postgres"):
        raise invalid(
            'publish.url = "state": the state store is no PostgreSQL', "set state.url, or name a database"
        )
    return Publisher(engine, catalog(), said.publish.folder, url, said.publish.schema_, said.publish.reader)


def _open_records(url: str, engine: DuckDB) -> Records:
    from ..runtime.records import Records

    return Records(_open_state(url), engine, catalog())


def _state_url(said: Settings, lake: str | None) -> str:
    return said.state.url or f"sqlite:///{Path(lake or said.lake.path).absolute() / STATE}"


@cache
def _open_state(url: str) -> State:
    from ..runtime.state import State

    return State(url)


def open_worker(lake: str | None, *, months: int = _MONTHS, tenants: int = _TENANTS) -> Worker:
    """What does the jobs of a lake, and knows them; of so many months and tenants is the vendor that the job `demo`
    makes up. Raises `invalid`, `unavailable`.
    """
    from ..runtime.jobs import JobKind, Jobs
    from ..runtime.kinds import job_kinds
    from ..runtime.retention import Retention, tidying
    from ..runtime.schedules import Schedules, read_schedules
    from ..runtime.worker import Worker

    said = settings()
    uploads = open_uploads(Path(lake or said.lake.path))
    keep = Retention(timedelta(said.retention.versions_days), timedelta(said.retention.history_days))
    kinds = {
        **job_kinds(whole_catalog(), sources),
        "tidy": tidying(whole_catalog(), keep, uploads),
        "profile": uploads.kind(),
        "demo": JobKind("vendor", tuple[str, ...], partial(_show_demo, lake, months, tenants)),
    }
    jobs = Jobs(_open_state(_state_url(said, lake)), kinds, lambda: datetime.now(UTC))
    return Worker(jobs, Schedules(jobs, read_schedules(jobs, _due(said))), lambda: open_plane(lake))


def _due(said: Settings) -> Mapping[str, Any]:
    """The schedules of the settings; where none of them tidies, it is done every night."""
    from ..config import ScheduleSettings

    if any(schedule.job == "tidy" for schedule in said.schedules.values()):
        return said.schedules
    return {"tidy": ScheduleSettings(cron=_TIDIED, job="tidy"), **said.schedules}


def open_uploads(lake: Path) -> Uploads:
    from ..runtime.uploads import Uploads

    return Uploads(lake / "uploads", SOURCES)


def _show_demo(
    lake: str | None, months: int, tenants: int, plane: ControlPlane, _: Sequence[str], step: Step
) -> None:
    """The work of a job: the made-up vendor in place of an empty lake, or of itself. Raises `conflict` for another."""
    from ..gateways.demo import load_demo
    from ..gateways.doors import Vendor

    vendor = plane.engine.lake.path / "vendor"
    doors = Vendor(open_plane, write_vendor, vendor_accuracy)
    step("demo", lambda tell: load_demo(doors, lake, str(vendor), months, tenants, tell)[1].account())


def write_vendor(*arguments: Any, **options: Any) -> None:
    from ..sources import demo  # numpy is for the demo alone

    demo.write_vendor(*arguments, **options)


def vendor_accuracy(*arguments: Any) -> Any:
    from ..sources.demo.accuracy import accuracy

    return accuracy(*arguments)
