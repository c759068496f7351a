"""What bodies and queries of REST share: they hold what they say, and rows are named by numbers."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from pydantic import ConfigDict

CLOSED = ConfigDict(extra="forbid")
"""Nothing but its fields: a name that is misspelt is an error, never ignored."""
LARGEST = 2**63 - 1
"""The largest number a database gives a row."""
Number = Annotated[int, Path(ge=1, le=LARGEST)]
"""A row, in an address."""
