"""The vendor's customers, and every other name they go by."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import (
    Dataset,
    Dimension,
    Key,
    Names,
    Note,
    OptionalDay,
    OptionalDimension,
    OptionalQuantity,
)


class Tenants(Dataset):
    """One tenant. `ended_on` is exclusive; both dates null: always active.

    `accounts`, `aliases` and `resources` are lists; an entry may carry its validity as
    `name@START..END` (either side open), for names that moved from one tenant to another.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("tenant_id",)

    tenant_id: Key
    name: OptionalDimension
    tier: OptionalDimension
    isolation: Dimension
    accounts: Names
    aliases: Names
    resources: Names
    started_on: OptionalDay
    ended_on: OptionalDay
    seats: OptionalQuantity
    region: OptionalDimension
    importance: OptionalDimension
    contact_email: Note


class TenantNames(Dataset):
    """Every name by which a tenant may appear in data, with the days on which it meant that tenant.

    `kind` is `id`, `alias`, `account` or `resource` (an exact resource id, or a prefix ending in `*`).
    `folded` is the name trimmed and in lower case: lookups try the name as written, then folded.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("kind", "name", "tenant_id", "valid_from")
    reads: ClassVar[tuple[type[Dataset], ...]] = (Tenants,)

    kind: Dimension
    name: Key
    folded: Dimension
    tenant_id: Dimension
    valid_from: OptionalDay
    valid_to: OptionalDay
