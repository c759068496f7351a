"""Our one error as the protocol's, for all that is no tool: a tool's errors are results, which models read."""

from __future__ import annotations

from typing import Any

from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, PaginatedRequestParams

from ...errors import PROTOCOLS, Kind, TenantryError, invalid


def protocol_error(problem: TenantryError, **about: Any) -> MCPError:
    """The JSON-RPC error whose data is the problem document. The protocol has a code of its own for unknown names."""
    named = problem.kind in {Kind.NOT_FOUND, Kind.INVALID}
    code = INVALID_PARAMS if named else PROTOCOLS[problem.kind][2]
    return MCPError(code, f"{problem.message}; {problem.hint}", {**problem.problem(), **about})


def check_whole(params: PaginatedRequestParams | None) -> None:
    """Raises the error for a cursor: each list is one page, so that none was given out."""
    if params is not None and params.cursor is not None:
        raise protocol_error(invalid("a cursor that no list gave", "list without one: that is all there is"))
