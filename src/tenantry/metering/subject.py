"""For whom something is done, and which feature it belongs to: known everywhere inside, and by the services called.

Inside a process a context variable says so, between processes OpenTelemetry's baggage, under the names of `standard`.
"""

from __future__ import annotations

from contextvars import ContextVar
from types import TracebackType
from typing import NamedTuple, Self

from opentelemetry.baggage import get_all, remove_baggage, set_baggage
from opentelemetry.context import Context, attach, get_current

from .standard import FEATURE, TENANT


class Subject(NamedTuple):
    """A tenant and a feature, as far as they are known."""

    tenant: str | None = None
    feature: str | None = None


_NOBODY = Subject()


class Layer:
    """What is known of the subject from here inwards; what is not, the layer around it may know."""

    __slots__ = ("_before", "_carried", "_outer", "feature", "tenant")

    def __init__(self, tenant: str | None = None, feature: str | None = None) -> None:
        self.tenant = tenant
        self.feature = feature
        self._outer: Layer | None = None
        self._before: Layer | None = None
        self._carried: Subject | None = None

    def outer(self) -> Layer | None:
        return self._outer

    def begin(self) -> None:
        """Make this the innermost layer."""
        self._outer = self._before = _INNERMOST.get()
        _INNERMOST.set(self)

    def leave(self) -> None:
        """Make the layer that was innermost before it that again.

        Not by a token: what is closed late, an asynchronous generator for one, is closed in another context.
        """
        _INNERMOST.set(self._before)
        if self._carried is not None:
            carry(self._carried)
            self._carried = None

    def tell(self) -> None:
        """Say the subject to services that are called from here on, until this layer is left."""
        before = carry(current())
        if self._carried is None:
            self._carried = before

    def subject(self) -> Subject:
        """As far as it is known here, in the layers around, or from the service that called."""
        tenant, feature, layer = self.tenant, self.feature, self._outer
        while layer is not None and (tenant is None or feature is None):
            tenant = layer.tenant if tenant is None else tenant
            feature = layer.feature if feature is None else feature
            layer = layer.outer()
        if tenant is None or feature is None:
            carried = in_baggage()
            return Subject(tenant or carried.tenant, feature or carried.feature)
        return Subject(tenant, feature)


class Serving(Layer):
    """A layer that is entered by `with`."""

    __slots__ = ()

    def __enter__(self) -> Self:
        self.begin()
        self.tell()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()


_INNERMOST: ContextVar[Layer | None] = ContextVar("tenantry.metering", default=None)


def serving(tenant: str | None = None, feature: str | None = None) -> Serving:
    """A context manager: what is measured inside is this tenant's and this feature's, here and in services called.

    What is not given stays as it is outside. It counts nothing by itself.
    """
    return Serving(tenant, feature)


def current() -> Subject:
    """The tenant and the feature that are being served here."""
    layer = _INNERMOST.get()
    return in_baggage() if layer is None else layer.subject()


def innermost() -> Layer | None:
    return _INNERMOST.get()


def in_baggage(context: Context | None = None) -> Subject:
    """What the baggage of a context says; of the current one, if none is given."""
    baggage = get_all(context)
    if not baggage:
        return _NOBODY
    tenant, feature = baggage.get(TENANT), baggage.get(FEATURE)
    return Subject(str(tenant) if tenant else None, str(feature) if feature else None)


def carry(subject: Subject) -> Subject:
    """Make the current baggage say this. Returns what it said before."""
    context = get_current()
    before = in_baggage(context)
    if subject != before:
        for name, value, said in zip((TENANT, FEATURE), subject, before, strict=True):
            if value != said:
                context = set_baggage(name, value, context) if value else remove_baggage(name, context)
        attach(context)
    return before
