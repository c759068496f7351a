"""What several tools of this capability are asked with."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from ...datasets import Tenants
from ...errors import unknown
from ...kernel import Context

TenantId = Annotated[str, Field(description="as in the tenants table, or `(unallocated)` and its kind")]
_TOML: JsonDict = {"contentMediaType": "application/toml"}
PolicyText = Annotated[
    str, Field(description="TOML text with an [allocation], as tenantry.toml has it", json_schema_extra=_TOML)
]
PolicyBefore = Annotated[
    str | None,
    Field(
        description="the policy that held in the window before, if another: TOML text with an [allocation]",
        json_schema_extra=_TOML,
    ),
]


def refuse_unknown(ctx: Context, tenant_id: str) -> None:
    """Raises `not_found` for a name that is neither a tenant nor one of the rows that are none."""
    if tenant_id.startswith("(") or ctx.rows(Tenants, tenant_id=tenant_id):
        return
    names = [row.tenant_id for row in ctx.totals(Tenants, by=("tenant_id",))]
    raise unknown("tenant", tenant_id, names, "`cost_per_tenant rank` lists the tenants with cost")
