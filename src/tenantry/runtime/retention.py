"""What is kept for a time alone: replaced files of tables, files that nobody landed, jobs and questions of long ago."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Table, delete, func, select

from ..kernel import Catalog
from .decision import UNSETTLED
from .ingest import Progress
from .jobs import OVER, JobKind, Step
from .plane import ControlPlane
from .state import State
from .state.tables import AGENT_RUN, ASKED, DECISION, JOB, OUTWARD_CALL, SHOWN_ANSWER, moment
from .uploads import Uploads


@dataclass(frozen=True)
class Retention:
    """How long what was replaced can be read, and how long the state store tells of what is over."""

    versions: timedelta
    history: timedelta


def tidying(catalog: Catalog, retention: Retention, uploads: Uploads) -> JobKind:
    """The job that deletes what is kept no longer; of tables, those that are named.

    Never deleted: what a newest version holds, the audit log, decisions, tokens, and rows that tools recorded.
    """

    def tidy(plane: ControlPlane, names: Sequence[str], step: Step) -> None:
        datasets = [plane.catalog.dataset(name) for name in names] or plane.catalog.datasets

        def tables(tell: Progress) -> dict[str, int]:
            files = size = 0
            for done, dataset in enumerate(datasets):
                tell(dataset.table(), done, len(datasets))
                found = plane.engine.lake.tidy(dataset, retention.versions)
                files, size = files + len(found), size + sum(found.values())
            return {"files": files, "bytes": size}

        step("tidy tables", tables)
        if not names:
            step("tidy uploads", lambda _: {"files": uploads.forget_older(retention.versions)})
            step("tidy history", lambda _: _forgotten(plane.state, moment(plane.now() - retention.history)))

    return JobKind("dataset", lambda: [d.table() for d in catalog.datasets], tidy)


def _forgotten(state: State, before: str) -> dict[str, int]:
    """Deletes what was over before a moment; how many of each."""
    gone_on_with = select(DECISION.c.run).where(DECISION.c.state.in_(UNSETTLED), DECISION.c.run.is_not(None))
    over = {
        "jobs": (JOB, JOB.c.state.in_(OVER) & (JOB.c.ended_at < before)),
        "questions": (ASKED, _quiet(ASKED, before)),
        "answers": (SHOWN_ANSWER, _quiet(SHOWN_ANSWER, before)),
        "runs": (
            AGENT_RUN,
            _quiet(AGENT_RUN, before) & (AGENT_RUN.c.landed == 1) & AGENT_RUN.c.id.not_in(gone_on_with),
        ),
        "calls of others": (OUTWARD_CALL, (OUTWARD_CALL.c.at < before) & (OUTWARD_CALL.c.landed == 1)),
    }
    with state.begin() as connection:
        return {
            name: connection.execute(delete(table).where(rows, _not_newest(table))).rowcount
            for name, (table, rows) in over.items()
        }


def _not_newest(table: Table) -> ColumnElement[bool]:
    """SQLite gives a number again once its row, the newest, is gone; jobs and events of our own usage go by theirs."""
    [number] = table.primary_key.columns
    return number < select(func.max(number)).scalar_subquery()


def _quiet(turns: Table, before: str) -> ColumnElement[bool]:
    """Of conversations without a turn since: they go whole."""
    return turns.c.conversation.not_in(select(turns.c.conversation).where(turns.c.at >= before))
