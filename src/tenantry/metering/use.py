"""One call, measured from its beginning to its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from threading import Lock
from time import perf_counter_ns
from types import TracebackType
from typing import Any, Self, TypeVar

from .standard import BYTES, CALLS, ERROR, ERRORS, FEATURE, ITEMS, SECONDS, TENANT
from .subject import Layer, innermost

T = TypeVar("T")
_LOG = logging.getLogger("tenantry.metering")
_NANO = 1_000_000_000


class Use(Layer):
    """One call while it is measured; it counts when it ends. Threads may share it.

    Its seconds are its own: those of a call inside it are that call's, so that seconds add up.
    """

    __slots__ = (
        "_about",
        "_began",
        "_begun",
        "_bytes",
        "_counted",
        "_error",
        "_inside",
        "_items",
        "_lock",
        "_spent",
        "_stopped",
    )

    def __init__(self, tenant: str | None = None, feature: str | None = None) -> None:
        super().__init__(tenant, feature)
        self._lock = Lock()
        self._items = self._bytes = self._spent = self._inside = self._began = 0
        self._begun = self._stopped = self._counted = False
        self._error = ""
        self._about: Mapping[str, str] = {}

    def add(self, items: int = 0, bytes: int = 0) -> None:  # noqa: A002 - the unit's own name
        """Count items and bytes on this call; those of a task that outlives it, too."""
        with self._lock:
            if not self._counted:
                self._items += items
                self._bytes += bytes
                return
        _count(items, bytes, self._attributes())

    def identify(self, tenant: str | None = None, feature: str | None = None) -> None:
        """Say whose this call is, or which feature's, now that it is known."""
        self.tenant = self.tenant if tenant is None else tenant
        self.feature = self.feature if feature is None else feature
        self.tell()

    def describe(self, about: Mapping[str, str]) -> None:
        """Give all figures of this call these attributes too."""
        self._about = about

    def fail(self, error: str) -> None:
        """Count this call as failed, though nothing was raised; `error` says why, in one of few words."""
        self._error = error

    def begin(self) -> None:
        """Make this the innermost call, for the first time or again.

        Then it stays whose it was: who goes on with it, if only to close it, may serve somebody else.
        """
        outer = self._outer
        super().begin()
        if self._begun:
            self._outer = outer
        self._begun = True
        if self.tenant is not None or self._outer is not self._before:
            self.tell()
        self._began = perf_counter_ns()

    @contextmanager
    def working(self) -> Generator[None]:
        """What is inside is this call's; what is between two such pieces of work is not."""
        self.begin()
        try:
            yield
        finally:
            self._elapse()
            self.leave()

    def stop(self) -> None:
        """What follows takes no more of this call's time."""
        self._elapse()
        self._stopped = True

    def end(self, problem: BaseException | None = None) -> None:
        """Count the call, once, as failed where an exception ended it. One cancelled or closed early did not fail."""
        with self._lock:
            if self._counted:
                return
            self._counted = True
        self.stop()
        if isinstance(problem, Exception):
            self._error = type(problem).__qualname__
        attributes = self._attributes()
        CALLS.add(1, attributes)
        SECONDS.add(max(self._spent - self._inside, 0) / _NANO, attributes)
        _count(self._items, self._bytes, attributes)
        if self._error:
            ERRORS.add(1, {**attributes, ERROR: self._error})

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(problem)
        self.leave()

    def _attributes(self) -> dict[str, str]:
        attributes = {**self._about}
        subject = self.subject()
        if subject.tenant is not None:
            attributes[TENANT] = subject.tenant
        if subject.feature is not None:
            attributes[FEATURE] = subject.feature
        return attributes

    def _elapse(self) -> None:
        if not self._began:
            return
        elapsed, self._began = perf_counter_ns() - self._began, 0
        self._spent += elapsed
        if around := _use(self._before):
            around.took_inside(elapsed)

    def took_inside(self, elapsed: int) -> None:
        with self._lock:
            if not self._stopped:
                self._inside += elapsed


def _count(items: int, bytes: int, attributes: Mapping[str, str]) -> None:  # noqa: A002 - the unit's own name
    if items:
        ITEMS.add(items, attributes)
    if bytes:
        BYTES.add(bytes, attributes)


def answer(
    what: str, kind: Callable[[Any], T], asked: Callable[..., Any] | None, *args: Any, **named: Any
) -> T | None:
    """What a function says that the service gave to be measured by, as text or a number. None where it says nothing, or
    fails, which is a line in the log: whether a call goes well is not for what measures it.
    """
    if asked is None:
        return None
    try:
        said = asked(*args, **named)
        return None if said is None else kind(said)
    except Exception:  # noqa: BLE001 - whatever it is, the service goes on
        _LOG.warning("the %s of a call is unknown: what tells it failed", what, exc_info=True)
        return None


def measure(feature: str | None = None, *, tenant: str | None = None) -> Use:
    """A context manager that counts what is inside it as one call of a feature.

    Without a feature or tenant it counts for those that are being served. One that is given holds for what is measured
    inside too, and a tenant for services called. For generators there is `metered`.
    """
    return Use(tenant, feature)


def add(items: int = 0, bytes: int = 0) -> None:  # noqa: A002 - the unit's own name
    """Count items and bytes on the innermost call that is being measured; nothing where none is."""
    if use := _use(innermost()):
        use.add(items, bytes)


def identify(tenant: str | None = None, feature: str | None = None) -> None:
    """Say whose the innermost call is that is being measured; nothing where none is.

    For what a middleware cannot know: the tenant of a session, the feature that a request turned out to be about.
    """
    if use := _use(innermost()):
        use.identify(tenant, feature)


def _use(layer: Layer | None) -> Use | None:
    while layer is not None and not isinstance(layer, Use):
        layer = layer.outer()
    return layer
