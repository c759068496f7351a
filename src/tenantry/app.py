"""The composition root: introduces content to machine. Nothing else reads settings or knows both wings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .capabilities import CAPABILITIES
from .datasets import DATASETS
from .errors import TenantryError, invalid
from .gateways.cli import build_parser, run
from .gateways.commands import commands
from .gateways.doors import Doors
from .kernel import Capability, Catalog, Dataset, Principal, Source
from .kernel.landing import Deliveries, Quarantine
from .sources import SOURCES

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from .config import Settings
    from .engine.duckdb import DuckDB
    from .gateways.http.app import Part
    from .gateways.http.health import Metrics
    from .gateways.http.live import Live
    from .runtime.agents.agency import Agency
    from .runtime.agents.runs import Run, Runs
    from .runtime.asking.asking import Answering, Asking
    from .runtime.asking.memory import Memory
    from .runtime.jobs import Step
    from .runtime.plane import ControlPlane
    from .runtime.publish import Publisher
    from .runtime.records import Records
    from .runtime.state import State
    from .runtime.uploads import Uploads
    from .runtime.worker import Worker
    from .sources.mcp import Server, Servers

_MONTHS, _TENANTS = 14, 240
STATE = "state.db"
"""The state store's file in the lake, unless the settings name a database."""


@cache
def catalog() -> Catalog:
    """All that this installation knows."""
    return Catalog(CAPABILITIES, SOURCES, (*DATASETS, Deliveries, Quarantine))


def whole_catalog() -> Catalog:
    """The catalog, and a capability for each external server whose tools were allowed and for each agent of others'.

    Raises `invalid` with every problem.
    """
    own, added = catalog(), [*_of_servers(), *_of_others()]
    return Catalog((*own.capabilities, *added), own.sources, own.datasets) if added else own


def _of_servers() -> Sequence[Capability]:
    if not (known := servers()):
        return []
    from .sources.mcp import Pins, read_capabilities

    return read_capabilities(known, Pins.read())


def _of_others() -> Sequence[Capability]:
    if not (tables := settings().a2a):
        return []
    from .sources.a2a import capability_of, read_agents

    return [capability_of(agent) for agent in read_agents(tables).values()]


def servers() -> dict[str, Server]:
    """The external MCP servers by name. Raises `invalid` with every problem."""
    if not (tables := settings().mcp):
        return {}
    from .sources.mcp import read_servers

    return read_servers(tables)


def settings() -> Settings:
    """What `tenantry.toml` and the environment say. Raises `invalid` with every problem."""
    from .config import load

    return load()


def open_plane(lake: str | None, allocation: Mapping[str, Any] | None = None) -> ControlPlane:
    """The control plane over a lake: the given one, else that of the settings. `allocation` goes before theirs."""
    from .datasets import ClosedCost, ClosedDays, FeatureCost, PoolCost
    from .datasets.default_policy import settings_from, settings_of
    from .engine.duckdb import DuckDB
    from .engine.lake import Lake
    from .methods.routes import Routing
    from .runtime.books import Books
    from .runtime.plane import ControlPlane
    from .runtime.sandbox import Rooms

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
    plane.publisher = _publisher(said, engine)
    plane.land_own = lambda: _runs(plane).land(engine, _own_usage)
    if said.books.closed_through:
        through = date.fromisoformat(f"{said.books.closed_through}-01")
        plane.books = Books(ClosedDays, ClosedCost, FeatureCost, through)
    return plane


def open_asking(plane: ControlPlane) -> Asking:
    """What answers questions over a control plane and keeps conversations in its state store; by agents where a
    language model is configured.

    Raises `invalid` where the model's libraries are missing or its settings cannot be.
    """
    from .runtime.asking.asking import Asking
    from .runtime.asking.memory import Memory

    def memory() -> Memory:
        return Memory(plane.state, plane.now)

    return _agency(plane, memory) if settings().agent.model else Asking(plane.runtime, memory)


def _agency(plane: ControlPlane, memory: Callable[[], Memory]) -> Agency:
    said = settings().agent
    try:
        from .runtime.agents.agency import Agency, Voice
        from .runtime.agents.figures import ungrounded
        from .runtime.agents.framework.agents import Limits
        from .runtime.agents.framework.models import Choice, open_model
        from .runtime.agents.framework.offline import NAME, Offline
    except ModuleNotFoundError as missing:
        raise invalid(
            f"agent.model: {missing.name} is not installed", "pip install 'tenantry[agent]'"
        ) from None
    from .runtime.agents import team
    from .runtime.asking.asking import Asking

    limits = Limits(
        said.max_requests_per_run, said.max_tokens_per_run, said.max_cost_per_run, said.run_seconds
    )
    told = team(plane.catalog, settings().business_context, said.prompts)
    key = said.api_key.get_secret_value() if said.api_key else None

    def open_voice(principal: Principal) -> Voice:
        if said.model == NAME:
            planner = Offline(Asking(plane.runtime), told, principal)
            return planner, planner.ungrounded
        choice = Choice.of(
            said.model, base_url=said.base_url, api_key=key, region=said.region, timeout=said.timeout_seconds,
            retries=said.retries, max_output_tokens=said.max_output_tokens,
        )  # fmt: skip
        return open_model(choice), ungrounded

    return Agency(plane.runtime, told, said.model, open_voice, limits, cache(lambda: _runs(plane)), memory)


def _runs(plane: ControlPlane) -> Runs:
    from .runtime.agents.runs import Daily, Runs

    said = settings().agent
    return Runs(plane.state, plane.now, Daily(said.max_tokens_per_day, said.max_cost_per_day))


def _own_usage(run: Run) -> list[Dataset]:
    from .sources.own_usage import model_usage

    spent = run.spent
    tokens = spent.input_tokens + spent.output_tokens
    return [*model_usage(run.id, run.at, run.tenant_id, tokens, spent.cost)]


def _publisher(said: Settings, engine: DuckDB) -> Publisher | None:
    url = said.state.url if said.publish.url == "state" else said.publish.url
    if said.publish.folder is None and said.publish.url is None:
        return None
    from .runtime.publish import Publisher

    if said.publish.url == "state" and not (url or "").startswith("postgres"):
        raise invalid(
            'publish.url = "state": the state store is no PostgreSQL', "set state.url, or name a database"
        )
    return Publisher(engine, catalog(), said.publish.folder, url, said.publish.schema_, said.publish.reader)


def _open_records(url: str, engine: DuckDB) -> Records:
    from .runtime.records import Records

    return Records(_open_state(url), engine, catalog())


def _state_url(said: Settings, lake: str | None) -> str:
    return said.state.url or f"sqlite:///{Path(lake or said.lake.path).absolute() / STATE}"


@cache
def _open_state(url: str) -> State:
    from .runtime.state import State

    return State(url)


def open_worker(lake: str | None) -> Worker:
    """What does the jobs of a lake, and knows them. Raises `invalid`, `unavailable`."""
    from .runtime.jobs import JobKind, Jobs
    from .runtime.kinds import job_kinds
    from .runtime.schedules import Schedules, read_schedules
    from .runtime.worker import Worker

    said = settings()
    kinds = {
        **job_kinds(whole_catalog(), sources),
        "profile": _uploads(Path(lake or said.lake.path)).kind(),
        "demo": JobKind("vendor", tuple[str, ...], partial(_show_demo, lake)),
    }
    jobs = Jobs(_open_state(_state_url(said, lake)), kinds, lambda: datetime.now(UTC))
    return Worker(jobs, Schedules(jobs, read_schedules(jobs, said.schedules)), lambda: open_plane(lake))


def _uploads(lake: Path) -> Uploads:
    from .runtime.uploads import Uploads

    return Uploads(lake / "uploads", SOURCES)


def _show_demo(lake: str | None, plane: ControlPlane, _: Sequence[str], step: Step) -> None:
    """The work of a job: the made-up vendor in place of an empty lake, or of itself."""
    from .gateways.demo import load_demo
    from .gateways.doors import Vendor

    vendor = plane.engine.lake.path / "vendor"
    if plane.runtime.rows_held("deliveries") and not vendor.exists():
        raise invalid(
            "this lake holds deliveries, and the demo would replace them", "name another lake to serve"
        )
    doors = Vendor(open_plane, _write_vendor, _accuracy)
    step("demo", lambda tell: load_demo(doors, lake, str(vendor), _MONTHS, _TENANTS, tell)[1].account())


def sources() -> dict[str, Source]:
    """The configured sources by name. Raises `invalid` with every problem."""
    kinds = {source.kind: source for source in SOURCES}
    found: dict[str, Source] = {}
    problems: list[str] = []
    for name, table in settings().sources.items():
        fields = {key: value for key, value in table.items() if key != "kind"}
        kind = kinds.get(table["kind"])
        if kind is None:
            problems.append(f"{name}: no kind {table['kind']!r}; there are {', '.join(kinds)}")
            continue
        if "server" in kind.model_fields:
            server = fields.get("server")
            if server not in servers():
                problems.append(
                    f"{name}: no server {server!r} in [mcp]; there are {', '.join(servers()) or 'none'}"
                )
                continue
            fields["server"] = servers()[server]
        try:
            found[name] = kind.model_validate(fields)
        except ValueError as problem:
            problems.append(f"{name}: {problem}")
    if problems:
        raise invalid("; ".join(problems), "mend [sources] in tenantry.toml")
    return found


def _shelf() -> Servers:
    from .sources.mcp import Servers

    return Servers(servers())


def _write_vendor(*arguments: Any, **options: Any) -> None:
    from .sources.demo import write_vendor  # numpy is for the demo alone

    write_vendor(*arguments, **options)


def _accuracy(*arguments: Any) -> Any:
    from .sources.demo.accuracy import accuracy

    return accuracy(*arguments)


def serve(lake: str | None, bind: str) -> None:
    """Serve the lake on an address, until the process is told to stop. Raises `invalid`, `forbidden`, `unavailable`."""
    from .gateways.http.access import is_loopback
    from .gateways.serve import Address
    from .gateways.serve import serve as run_server
    from .telemetry import log_to_stderr, trace_to

    address = Address.parse(bind)
    plane, worker = open_plane(lake), open_worker(lake)
    live = open_live(plane, worker)
    app = open_app(plane, loopback=is_loopback(address.host), worker=worker, live=live)
    log_to_stderr()
    traces = settings().telemetry.traces
    end = trace_to(traces, __version__) if traces else lambda: None
    try:
        run_server(app, address, live.end)
    finally:
        end()


def open_live(plane: ControlPlane, worker: Worker | None = None) -> Live:
    """What tells open pages of changes; whoever serves it calls its `end` when the server stops."""
    from .gateways.http.live import Live, look_at_decisions, look_at_figures, look_at_jobs
    from .runtime.decisions import Decisions

    looks = [look_at_figures(plane.engine.lake, plane.catalog), look_at_decisions(Decisions(plane.runtime))]
    return Live([*looks, look_at_jobs(worker.jobs)] if worker else looks)


def open_app(
    plane: ControlPlane, *, loopback: bool = True, worker: Worker | None = None, live: Live | None = None
) -> ASGIApp:
    """The ASGI app over a control plane, to be listened for on this machine alone or beyond it; with a worker, jobs are
    done while it serves.

    Raises `forbidden` for beyond it where nobody could say who asks.
    """
    from .gateways.http.app import Part, build_app
    from .gateways.http.ask import ask_part
    from .gateways.http.decisions import settling
    from .gateways.http.health import Metrics
    from .gateways.http.jobs import job_part
    from .gateways.http.live import live_part
    from .gateways.http.settings import setting_part
    from .gateways.http.uploads import upload_part
    from .gateways.ui import dashboard
    from .runtime.decisions import Decisions

    who, access = _access(plane, settings(), loopback=loopback)
    lake = Part(check={"lake": lambda: plane.runtime.rows_held("charges"), "state": plane.check_state})
    metrics, asking = Metrics(), open_asking(plane)
    parts = [
        dashboard(),
        lake,
        access,
        _mcp(plane, asking.answer),
        _a2a(plane, asking),
        _intake(plane, metrics),
        *([job_part(worker), upload_part(plane.runtime, _uploads(plane.engine.lake.path))] if worker else []),
        live_part(live or open_live(plane, worker)),
        # What those three hold may be secret in any field.
        setting_part(lambda: settings().model_dump(mode="json", exclude={"sources", "mcp", "a2a"}), sources),
        ask_part(asking.answer, asking.go_on),
        Part(lifespan=lambda: settling(Decisions(plane.runtime))),
    ]
    return build_app(plane.runtime, __version__, who, parts, metrics)


def _access(
    plane: ControlPlane, said: Settings, *, loopback: bool
) -> tuple[Callable[[ASGIApp], ASGIApp], Part]:
    """What lets requests in, and what the server has for those who let others in."""
    from .gateways.http.access import Access, Rules, check_reach
    from .gateways.http.administration import administration_routes
    from .gateways.http.app import Part
    from .gateways.http.login import login_routes, person_routes, session_routes
    from .gateways.http.oidc import Claims, Provider
    from .gateways.ui import is_of_dashboard
    from .runtime.access import Rate, Refusals, Sessions, Tokens

    oidc, url, limits = said.auth.oidc, said.auth.public_url or "", said.limits
    tokens, refusals = Tokens(plane.state, plane.now), Refusals(plane.state, plane.now)
    sessions = Sessions(plane.state, plane.now, said.auth.session_hours)
    check_reach(loopback=loopback, authenticated=oidc is not None or tokens.any_holds())
    rules = Rules(
        loopback, login=oidc is not None, required=said.auth.required, public_url=url, free=is_of_dashboard,
        calls=Rate.of(limits.calls_per_second), intake=Rate.of(limits.intake_per_second),
        strangers=Rate.of(limits.strangers_per_second),
    )  # fmt: skip
    routers = [administration_routes(tokens, plane.state), session_routes()]
    if not oidc:
        routers.append(person_routes(tokens, sessions))
    else:
        secret = oidc.client_secret.get_secret_value() if oidc.client_secret else None
        provider = Provider(oidc.issuer, oidc.client_id, secret, plane.now, oidc.scopes)
        claims = Claims(oidc.role_claim, oidc.roles, oidc.default_role, oidc.tenant_claim, oidc.unbound)
        back = f"{url.rstrip('/')}/"
        routers.append(person_routes(tokens, sessions, lambda: provider.goodbye(back)))
        routers.append(login_routes(provider, claims, sessions, url))
    part = Part(routers, lifespan=refusals.written)
    return (lambda app: Access(app, rules, tokens, sessions, refusals)), part


def _mcp(plane: ControlPlane, answer: Answering) -> Part:
    from .gateways import mcp
    from .gateways.http.app import Part
    from .runtime.decisions import Decisions

    server = mcp.catalog_server(plane.runtime, __version__, answer, Decisions(plane.runtime))
    routes, lifespan = mcp.mounted(server)
    return Part(routes=routes, lifespan=lifespan)


def _a2a(plane: ControlPlane, asking: Asking) -> Part:
    from .gateways import a2a
    from .gateways.http.app import Part
    from .runtime.decisions import Decisions
    from .runtime.given_tasks import GivenTasks

    verdicts, tasks = a2a.Verdicts(Decisions(plane.runtime), asking.go_on), GivenTasks(plane.state)
    url = settings().auth.public_url
    serving = a2a.Serving(plane.catalog, __version__, asking.answer, verdicts, tasks, url)
    return Part(routes=serving.routes(), lifespan=serving.open)


def _intake(plane: ControlPlane, metrics: Metrics) -> Part:
    from .gateways.http.app import Part
    from .gateways.intake import intake_routes, open_intake
    from .gateways.intake_paths import intake_paths
    from .runtime.intake import Intake
    from .sources.live import live_events, live_telemetry
    from .sources.otlp import Otlp

    telemetry = next((source for source in sources().values() if isinstance(source, Otlp)), None)
    intake = Intake(plane.engine, live_events(), live_telemetry(telemetry), plane.now)
    metrics.join("intake", intake.figures)
    routes = intake_routes(intake)
    check = {"intake": intake.check}
    return Part(straight=routes, lifespan=lambda: open_intake(intake), check=check, paths=intake_paths())


def main(argv: Sequence[str] | None = None) -> int:
    """The command `tenantry`; returns its exit code."""
    doors = Doors(
        open_plane, _write_vendor, _accuracy, settings, sources, serve, open_worker, open_asking, _shelf
    )

    def open_runtime(arguments: argparse.Namespace) -> Any:
        return open_plane(arguments.lake).runtime

    words = sys.argv[1:] if argv is None else argv
    try:
        known = whole_catalog()
    except TenantryError:  # the command says so, if it needs them
        known = catalog()
    return run(build_parser(known, commands(doors), open_runtime, __version__, words), words)


if __name__ == "__main__":
    sys.exit(main())
