"""Opens what is served: one ASGI app over a control plane, with every gateway."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .. import __version__
from .known import settings, sources
from .plane import open_asking, open_plane, open_uploads, open_worker

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from ..config import Settings
    from ..gateways.http.app import Part
    from ..gateways.http.health import Metrics
    from ..gateways.http.live import Live
    from ..runtime.asking.asking import Answering, Asking
    from ..runtime.plane import ControlPlane
    from ..runtime.worker import Worker


def serve(lake: str | None, bind: str) -> None:
    """Serve the lake on an address, until the process is told to stop. Raises `invalid`, `forbidden`, `unavailable`."""
    from ..gateways.http.access import is_loopback
    from ..gateways.serve import Address
    from ..gateways.serve import serve as run_server
    from ..telemetry import log_to_stderr, trace_to

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
    from ..gateways.http.live import Live, look_at_decisions, look_at_figures, look_at_jobs
    from ..runtime.decisions import Decisions

    looks = [look_at_figures(plane.engine.lake, plane.catalog), look_at_decisions(Decisions(plane.runtime))]
    return Live([*looks, look_at_jobs(worker.jobs)] if worker else looks)


def open_app(
    plane: ControlPlane, *, loopback: bool = True, worker: Worker | None = None, live: Live | None = None
) -> ASGIApp:
    """The ASGI app over a control plane, to be listened for on this machine alone or beyond it; with a worker, jobs are
    done while it serves.

    Raises `forbidden` for beyond it where nobody could say who asks.
    """
    from ..gateways.http.app import Part, build_app
    from ..gateways.http.ask import ask_part
    from ..gateways.http.decisions import settling
    from ..gateways.http.health import Metrics
    from ..gateways.http.jobs import job_part
    from ..gateways.http.live import live_part
    from ..gateways.http.settings import setting_part
    from ..gateways.http.uploads import upload_part
    from ..gateways.ui import dashboard
    from ..runtime.decisions import Decisions

    who, access = _access(plane, settings(), loopback=loopback)
    lake = Part(check={"lake": lambda: plane.runtime.rows_held("charges"), "state": plane.check_state})
    metrics, asking = Metrics(), open_asking(plane)
    parts = [
        dashboard(),
        lake,
        access,
        _mcp(plane, asking.answer),
        _a2a(plane, asking),
        _agui(plane, asking),
        _intake(plane, metrics),
        *(
            [job_part(worker), upload_part(plane.runtime, open_uploads(plane.engine.lake.path))]
            if worker
            else []
        ),
        live_part(live or open_live(plane, worker)),
        # What those three hold may be secret in any field.
        setting_part(lambda: settings().model_dump(mode="json", exclude={"sources", "mcp", "a2a"}), sources),
        ask_part(asking),
        Part(lifespan=lambda: settling(Decisions(plane.runtime))),
    ]
    return build_app(plane.runtime, __version__, who, parts, metrics)


def _access(
    plane: ControlPlane, said: Settings, *, loopback: bool
) -> tuple[Callable[[ASGIApp], ASGIApp], Part]:
    """What lets requests in, and what the server has for those who let others in."""
    from ..gateways.http.access import Access, Rules, check_reach
    from ..gateways.http.administration import administration_routes
    from ..gateways.http.app import Part
    from ..gateways.http.login import login_routes, person_routes, session_routes
    from ..gateways.http.oidc import Claims, Provider
    from ..gateways.ui import is_of_dashboard
    from ..runtime.access import Rate, Refusals, Sessions, Tokens

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
    from ..gateways import mcp
    from ..gateways.http.app import Part
    from ..runtime.decisions import Decisions

    server = mcp.catalog_server(plane.runtime, __version__, answer, Decisions(plane.runtime))
    routes, lifespan = mcp.mounted(server)
    return Part(routes=routes, bounded=[mcp.PATH], lifespan=lifespan)


def _agui(plane: ControlPlane, asking: Asking) -> Part:
    from ..gateways.agui import AgUi
    from ..runtime.decisions import Decisions

    return AgUi(asking.answer, asking.go_on, Decisions(plane.runtime)).part()


def _a2a(plane: ControlPlane, asking: Asking) -> Part:
    from ..gateways import a2a
    from ..gateways.http.app import Part
    from ..gateways.waking import Waking
    from ..runtime.decisions import Decisions
    from ..runtime.given_tasks import GivenTasks

    verdicts, tasks = a2a.Verdicts(Decisions(plane.runtime), asking.go_on), GivenTasks(plane.state)
    url = settings().auth.public_url
    serving = a2a.Serving(plane.catalog, __version__, asking.answer, verdicts, tasks, url)
    waking = Waking(asking, serving.push, plane.state.lock("waking"))

    @asynccontextmanager
    async def lifespan() -> AsyncGenerator[None]:
        async with serving.open(), waking.open():
            yield

    return Part(routes=serving.routes(), lifespan=lifespan)


def _intake(plane: ControlPlane, metrics: Metrics) -> Part:
    from ..gateways.http.app import Part
    from ..gateways.intake import intake_routes, open_intake
    from ..gateways.intake_paths import intake_paths
    from ..runtime.intake import Intake
    from ..sources.live import live_events, live_telemetry
    from ..sources.otlp import Otlp

    telemetry = next((source for source in sources().values() if isinstance(source, Otlp)), None)
    intake = Intake(plane.engine, live_events(), live_telemetry(telemetry), plane.now)
    metrics.join("intake", intake.figures)
    routes = intake_routes(intake)
    check = {"intake": intake.check}
    return Part(straight=routes, lifespan=lambda: open_intake(intake), check=check, paths=intake_paths())
