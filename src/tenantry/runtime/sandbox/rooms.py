"""The sandbox that Tenantry is given: a room for each kind of code."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from ...errors import invalid
from ...kernel import Code
from . import bubblewrap
from .limits import LONGEST, Limits, unavailable

T = TypeVar("T")


class Rooms(BaseModel):
    """Plain Python runs in Monty, an interpreter that has nothing to reach; what needs numpy, where that is allowed, in
    a process of its own without network, files and environment (bubblewrap).

    `seconds` and `memory_mb` are limits of one call.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    numpy: bool = False
    seconds: float = 10
    memory_mb: int = 256

    def run(
        self,
        code: Code,
        function: str,
        calls: Iterable[Mapping[str, Any]],
        returns: type[T],
        seconds: float | None = None,
    ) -> Generator[T]:
        """As `kernel.sandbox.Sandbox` says."""
        if len(code.text) > LONGEST:
            raise invalid(f"the code is longer than {LONGEST} characters", "shorten it")
        limits = Limits(min(seconds or self.seconds, self.seconds), self.memory_mb * 2**20)
        if not code.numpy:
            return _monty(code.text, function, calls, returns, limits)
        if not self.numpy:
            raise invalid(
                "code that needs numpy is not run here", "set sandbox.numpy = true, and install bubblewrap"
            )
        return bubblewrap.run(code.text, function, calls, returns, limits)


def _monty(
    text: str, function: str, calls: Iterable[Mapping[str, Any]], returns: type[T], limits: Limits
) -> Generator[T]:
    try:
        from . import monty  # noqa: PLC0415 - an extra, and only this needs it
    except ModuleNotFoundError:
        raise unavailable("there is no sandbox here", "pip install 'tenantry[sandbox]'") from None
    return monty.run(text, function, calls, returns, limits)
