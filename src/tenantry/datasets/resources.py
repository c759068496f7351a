"""Which resources are whose."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Dataset, Day, Dimension, Key, OptionalDay


class Resources(Dataset):
    """A resource assigned to a tenant. `kind` is `resource` (an id as the bill has it, or a prefix ending in `*`),
    `account` or `namespace`.

    `isolation` is `silo`: all of it is the tenant's, like a name in the lists of `tenants`; or `pool` or `bridge`: used
    with others, and shared by drivers. `ended_on` is exclusive.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("kind", "resource_id", "tenant_id", "started_on")

    kind: Key
    resource_id: Key
    tenant_id: Key
    isolation: Dimension
    started_on: Day
    ended_on: OptionalDay
