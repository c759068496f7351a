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
class Doors:
    """What commands are given by the composition root: a plane over a lake, the settings, the configured sources, the
    made-up vendor with the measure of how far an allocation is from its truth, the server, what does jobs,
    what answers questions over a plane, and the external servers.
    """

    open_plane: Callable[..., ControlPlane]
    settings: Callable[[], Any]
    sources: Callable[[], Mapping[str, Source]]
    write_vendor: Callable[..., None]
    accuracy: Callable[..., Any]
    serve: Callable[[str | None, str], None]
    open_worker: Callable[[str | None], Worker]
    open_asking: Callable[[ControlPlane], Asking]
    servers: Callable[[], Any]
