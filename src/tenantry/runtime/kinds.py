"""The kinds of jobs: land, build, run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..engine.build import Built
from ..errors import Kind, TenantryError
from ..kernel import Capability, Catalog, Source
from .ingest import Progress, named_sources, together
from .jobs import JobKind, Step
from .plane import ControlPlane

NO_ANSWER_YET = (Kind.NOT_FOUND, Kind.INVALID)
"""Errors by which a capability says that what it reads has not been landed, no failure when all are asked."""
Sources = Callable[[], Mapping[str, Source]]


def job_kinds(catalog: Catalog, sources: Sources) -> dict[str, JobKind]:
    """Every kind by name. `sources` are those configured, asked for anew by each job.

    Landing is one step, of all its sources: what a bill replaces depends on what else comes with it. Building is one
    too: the lake itself says which tables are up to date, so that those are not built again.
    """

    def land(plane: ControlPlane, names: Sequence[str], step: Step) -> TenantryError | None:
        landed = step("land", lambda tell: plane.pull(named_sources(sources(), names), tell).document())
        return _failed(landed.get("failed", ()))  # an earlier release told none

    def build(plane: ControlPlane, names: Sequence[str], step: Step) -> None:
        step("build", lambda tell: [_built(one) for one in plane.build(names, tell) if one.days])

    def run(plane: ControlPlane, names: Sequence[str], step: Step) -> TenantryError | None:
        failed = land(plane, (), step) if sources() else None
        build(plane, (), step)
        for name in names or [c.name for c in catalog.capabilities if not c.outward]:
            step(f"ask {name}", partial(_asked, plane, catalog.capability(name)))
        return failed

    return {
        "land": JobKind("source", lambda: [*sources()], land),
        "build": JobKind("dataset", lambda: [d.table() for d in catalog.datasets], build),
        "run": JobKind("capability", lambda: [c.name for c in catalog.capabilities], run),
    }


def _failed(told: Sequence[Mapping[str, str]]) -> TenantryError | None:
    """Why sources failed, of what is told of each."""
    failed = {one["source"]: TenantryError(Kind(one["kind"]), one["message"], one["hint"]) for one in told}
    return together(failed) if failed else None


def _built(one: Built) -> dict[str, Any]:
    return {"dataset": one.dataset, "partitions": one.days, "rows": one.rows}


def _asked(plane: ControlPlane, capability: Capability, _: Progress) -> dict[str, Any]:
    """What a capability's scheduled question came to. That it has no answer yet is no failure of the job."""
    tool = capability.run or capability.tools[0]
    try:
        answer = plane.runtime.call(capability.name, tool.name, {})
    except TenantryError as problem:
        if problem.kind not in NO_ANSWER_YET:
            raise
        return {"tool": tool.name, "problem": problem.message}
    return {"tool": tool.name, "as_of": answer.document()["as_of"]}
