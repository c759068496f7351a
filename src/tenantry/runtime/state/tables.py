"""The state store's tables as the code reads them; the migrations beside this file make them.

Moments are text in ISO 8601, UTC, to the microsecond: they sort as they are, and are hashed as they are.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import JSON, BigInteger, Column, Float, Integer, MetaData, String, Table, Text

METADATA = MetaData()
_Sequence = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER keys alone

AUDIT = Table(
    "audit",
    METADATA,
    Column("sequence", _Sequence, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("principal", Text, nullable=False),
    Column("tenant_id", Text),
    Column("action", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""What was done. `details` is JSON text; `hash` covers the row and the hash of the row before it."""

RECORD = Table(
    "record",
    METADATA,
    Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    Column("dataset", String(64), nullable=False),
    Column("key", Text, nullable=False),
    Column("row", JSON, nullable=False),
    Column("audit", _Sequence, nullable=False),
    Column("landed", Integer, nullable=False),
)
"""Every row that tools recorded, as it was each time; the newest of a key holds. `landed`: 1 once the lake has it."""

TOKEN = Table(
    "token",
    METADATA,
    Column("id", String(12), primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("tenant_id", Text),
    Column("created", String(32), nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires", String(32)),
    Column("last_used", String(32)),
    Column("revoked", String(32)),
)
"""API tokens. `id` is part of the token and public; `hash` is SHA-256 of the whole. Rows are never taken out."""

SESSION = Table(
    "session",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("tenant_id", Text),
    Column("created", String(32), nullable=False),
    Column("expires", String(32), nullable=False),
    Column("token", String(12)),
)
"""People who are logged in. `id` is SHA-256 of the cookie's secret; `token` is the id of the token that opened it,
with which it ends."""

LOGIN = Table(
    "login",
    METADATA,
    Column("state", String(64), primary_key=True),
    Column("browser", String(64), nullable=False),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("to", Text, nullable=False),
    Column("expires", String(32), nullable=False),
)
"""Logins that have begun. `state` and `browser` are SHA-256 of what the provider and the browser's cookie give back."""

JOB = Table(
    "job",
    METADATA,
    Column("id", _Sequence, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("names", JSON, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("key", String(200), unique=True),
    Column("schedule", Text),
    Column("state", String(16), nullable=False),
    Column("cancelling", Integer, nullable=False),
    Column("step", Text),
    Column("done", Integer, nullable=False),
    Column("total", Integer, nullable=False),
    Column("steps", JSON, nullable=False),
    Column("queued_at", String(32), nullable=False),
    Column("run_after", String(32)),
    Column("started_at", String(32)),
    Column("ended_at", String(32)),
    Column("attempts", Integer, nullable=False),
    Column("interruptions", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("error", JSON(none_as_null=True)),
)
"""Long work. `steps`: by name, what those came to that are done. `interruptions`: how often in a row its process ended
while it ran; `refusals`: how often in a row something was unavailable."""

SCHEDULE = Table(
    "schedule",
    METADATA,
    Column("name", String(200), primary_key=True),
    Column("cron", Text, nullable=False),
    Column("last_due", String(32), nullable=False),
)
"""Up to when each schedule has been dealt with."""

AGENT_TEXT = Table(
    "agent_text",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("text", Text, nullable=False),
)
"""Every version of what an agent was told, by its SHA-256."""

AGENT_RUN = Table(
    "agent_run",
    METADATA,
    Column("id", _Sequence, primary_key=True, autoincrement=True),
    Column("conversation", String(64), nullable=False),
    Column("at", String(32), nullable=False),
    Column("principal", Text, nullable=False),
    Column("tenant_id", Text),
    Column("question", Text, nullable=False),
    Column("reply", Text),
    Column("names", JSON, nullable=False),
    Column("model", Text, nullable=False),
    Column("texts", JSON, nullable=False),
    Column("calls", JSON, nullable=False),
    Column("proposals", JSON, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("input_tokens", _Sequence, nullable=False),
    Column("output_tokens", _Sequence, nullable=False),
    Column("cost", Text),
    Column("seconds", Float, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("landed", Integer, nullable=False),
    Column("decision", _Sequence),
    Column("role", String(16)),
)
"""Questions that agents were asked. `reply` has handles, `names` what stands behind them; `cost` is USD as decimal
text, null where the price is not known; while it runs, tokens and cost are the most it may take. `landed`: 1 once the
lake has its usage. `proposals`: the decisions it asked for; `decision`: the one after which it went on."""

OUTWARD_CALL = Table(
    "outward_call",
    METADATA,
    Column("id", _Sequence, primary_key=True, autoincrement=True),
    Column("at", String(32), nullable=False),
    Column("principal", Text, nullable=False),
    Column("tenant_id", Text),
    Column("capability", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("cost", Text),
    Column("landed", Integer, nullable=False),
)
DECISION = Table(
    "decision",
    METADATA,
    Column("id", _Sequence, primary_key=True, autoincrement=True),
    Column("capability", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("about", Text, nullable=False),
    Column("needs", String(16), nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("tenant_id", Text),
    Column("why", Text, nullable=False),
    Column("agent", Text),
    Column("run", _Sequence),
    Column("conversation", String(64)),
    Column("tainted", JSON, nullable=False),
    Column("proposed_at", String(32), nullable=False),
    Column("expires_at", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_by", Text),
    Column("decided_role", String(16)),
    Column("decided_at", String(32)),
    Column("note", Text, nullable=False),
    Column("ended_at", String(32)),
    Column("result", JSON(none_as_null=True)),
    Column("problem", JSON(none_as_null=True)),
)
"""Calls that wait, or waited, for a person. `digest` is SHA-256 over tool and arguments; `tenant_id` that of whoever
proposed it, whose tenant the call is bound to as well."""


ASKED = Table(
    "asked",
    METADATA,
    Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    Column("conversation", String(64), nullable=False),
    Column("principal", Text, nullable=False),
    Column("tenant_id", Text),
    Column("at", String(32), nullable=False),
    Column("question", Text, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("forms", JSON, nullable=False),
    Column("choices", JSON, nullable=False),
)
"""Questions in plain words, turn by turn: what each was read as, or the choices that were offered."""

SHOWN_ANSWER = Table(
    "shown_answer",
    METADATA,
    Column("sequence", _Sequence, primary_key=True, autoincrement=True),
    Column("conversation", String(64), nullable=False),
    Column("principal", Text, nullable=False),
    Column("tenant_id", Text),
    Column("at", String(32), nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", JSON, nullable=False),
)
"""Answers as they were shown, with their figures of then."""
VERIFIED_QUESTION = Table(
    "verified_question",
    METADATA,
    Column("scope", String(200), primary_key=True),
    Column("words", String(500), primary_key=True),
    Column("metric", String(64), nullable=False),
    Column("principal", Text, nullable=False),
    Column("at", String(32), nullable=False),
)
"""Which metric was chosen for a question's words, names and times masked. `scope`: of which tenant; empty: of all."""


GIVEN_TASK = Table(
    "given_task",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("owner", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("state", String(32), nullable=False),
    Column("updated", String(32), nullable=False),
    Column("document", JSON, nullable=False),
)
"""Tasks that other agents gave us over A2A. `document` is the protocol's own, `state` its name of the state."""


def moment(at: datetime) -> str:
    """A moment as the store writes it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
