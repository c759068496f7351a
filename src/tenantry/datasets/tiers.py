"""The vendor's tiers, and which tenant was in which, when."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ..kernel.dataset import Column, Dataset, Day, Dimension, Key, Note, OptionalDay, OptionalDimension, Role

Rank = Annotated[int | None, Column(Role.DIMENSION, "BIGINT")]


class Tiers(Dataset):
    """One tier. A higher `rank` is a higher tier; `ended_on` is exclusive, null: it is offered."""

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("tier",)

    tier: Key
    name: OptionalDimension
    description: Note
    rank: Rank
    importance: OptionalDimension
    ended_on: OptionalDay


class TenantTiers(Dataset):
    """A tenant's time in a tier, as the control plane recorded it; of one tenant no two overlap.

    `ended_on` is exclusive, null: still in it. A tenant without rows here was always in the tier that `tenants` says.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("tenant_id", "started_on")

    tenant_id: Key
    tier: Dimension
    started_on: Day
    ended_on: OptionalDay
