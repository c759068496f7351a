"""The state store: what was decided and recorded, by whom; on SQLite or PostgreSQL."""

from .audit import Entry
from .lock import ProcessLock
from .store import State

__all__ = ["Entry", "ProcessLock", "State"]
