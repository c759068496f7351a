"""What was done to tenants, step by step."""

from __future__ import annotations

from typing import ClassVar

from ..kernel.dataset import Count, Dataset, Dimension, Key, Note, OptionalDimension, Time


class Workflows(Dataset):
    """A step of an onboarding, a change of tier or entitlements, or an offboarding; all of its steps or none.

    `kind` is `onboarding`, `tier_change`, `entitlement_change` or `offboarding`; `state` is `done`, or `skipped` where
    there was nothing to do. `tenant_id` is null where a tier's entitlements changed. `at` is UTC.
    """

    partition: ClassVar[str] = ""
    keys: ClassVar[tuple[str, ...]] = ("workflow_id", "number")

    workflow_id: Key
    number: Count
    kind: Dimension
    tenant_id: OptionalDimension
    step: Dimension
    state: Dimension
    at: Time
    by: Dimension
    note: Note
