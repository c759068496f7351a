"""Code that nobody vouches for, and the one door through which it runs."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Code:
    """Python that defines a function; `numpy` says that it needs numpy or pandas."""

    text: str
    numpy: bool = False

    @cached_property
    def digest(self) -> str:
        """Its version: of SHA-256 the first 16 digits."""
        return sha256(f"{self.numpy}\n{self.text}".encode(errors="surrogatepass")).hexdigest()[:16]


class Sandbox(Protocol):
    """Runs code without file, network, environment, clock or chance, within limits; `seconds` may one call take."""

    @property
    def seconds(self) -> float: ...

    def run(
        self,
        code: Code,
        function: str,
        calls: Iterable[Mapping[str, Any]],
        returns: type[T],
        seconds: float | None = None,
    ) -> Generator[T]:
        """What the function returns for each call's arguments (plain JSON values), each as if it were the only one.

        Ends at the first call that fails: raises `invalid` for code that is wrong or returns another type,
        `limit_exceeded` for too much of time, memory, depth or output, `unavailable` where there is no such sandbox.
        """
        ...
