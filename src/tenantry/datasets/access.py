"""Access logs as they are kept: requests counted by hour and by all that the log says of them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ..kernel.dataset import (
    Column,
    Count,
    Dataset,
    Day,
    Dimension,
    Key,
    OptionalDimension,
    Quantity,
    Role,
    Time,
)

Status = Annotated[int, Column(Role.DIMENSION, "BIGINT")]


class AccessHours(Dataset):
    """Requests of one hour of one log file that asked for the same, with the same answer, for the same claim.

    All that routes, tenants and drivers need can be read off again: a later specification, alias or rule changes what
    is made of these rows, not the rows. `host` is in lower case, without port, empty where the log has none; `path` as
    requested, without query; `template` what a gateway or framework named (`/pets/{id}`, `GET /pets/{id}`). `status` 0:
    the client left before an answer. `agent` is `bot` or empty. `region` is the cloud's, where the log tells it.

    `claim` is the tenant that the log itself names, and `claimed_by` how: `claim`, `header` and `key` say it on
    purpose; `user`, `query` and `trace` may. An API key is kept as `key:` and 16 hex digits of its SHA-256. Host and
    path can name a tenant too: that is read off when tenants are known.
    """

    partition: ClassVar[str] = "day"
    keys: ClassVar[tuple[str, ...]] = (
        "delivery", "hour", "host", "method", "path", "template", "status", "agent", "claim", "claimed_by", "region",
    )  # fmt: skip
    sort: ClassVar[tuple[str, ...]] = ("hour",)

    delivery: Key
    source: Dimension
    day: Day
    hour: Time
    host: Dimension
    method: Dimension
    path: Dimension
    template: OptionalDimension
    status: Status
    agent: Dimension
    claim: OptionalDimension
    claimed_by: OptionalDimension
    region: OptionalDimension
    requests: Count
    seconds: Quantity
    bytes: Quantity
