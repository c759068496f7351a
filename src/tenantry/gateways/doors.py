"""What the gateways are handed: they build nothing themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..kernel import Source

if TYPE_CHECKING:
    from ..runtime.asking.asking import Asking
    from ..runtime.plane import ControlPlane
    from ..runtime.worker import Worker


@dataclass(frozen=True)
class Vendor:
    """What a made-up vendor takes: a plane over a lake, its files, and how far an allocation is from its truth."""

    open_plane: Callable[..., ControlPlane]
    write_vendor: Callable[..., None]
    accuracy: Callable[..., Any]


@dataclass(frozen=True)
class Doors(Vendor):
    """What commands are given by the composition root besides: the settings, the configured sources, the server, what
    does jobs, what answers questions over a plane, and the external servers.
    """

    settings: Callable[[], Any]
    sources: Callable[[], Mapping[str, Source]]
    serve: Callable[[str | None, str], None]
    open_worker: Callable[[str | None], Worker]
    open_asking: Callable[[ControlPlane], Asking]
    servers: Callable[[], Any]
