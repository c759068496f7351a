"""Parameters that many tools share, so that they read alike everywhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .money import Basis
from .time import Window

Month = Annotated[
    Window | None,
    Field(description="START..END, end exclusive, or YYYY-MM; by default the newest whole month"),
]
Span = Annotated[
    Window | None, Field(description="START..END, end exclusive, or YYYY-MM; by default all there is")
]
Top = Annotated[int, Field(ge=1, description="at most how many, for each currency")]
Cost = Annotated[Basis, Field(description="which of the bill's four costs")]
