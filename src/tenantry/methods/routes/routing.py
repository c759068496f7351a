"""What a vendor may say of the requests of its logs: whose they are, and which feature."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ...errors import invalid
from .feature import FeatureRule


class Naming(StrEnum):
    """How a request names its tenant."""

    CLAIM = "claim"
    """A claim of its token, as the gateway logged it."""
    HEADER = "header"
    """A header that the log holds."""
    KEY = "key"
    """An API key: its id, or `key:` and a hash."""
    USER = "user"
    """The authenticated user."""
    SUBDOMAIN = "subdomain"
    """Its host: a label of it, or all of it."""
    PATH = "path"
    """A segment of its path, where tenants stand."""
    QUERY = "query"
    """A parameter of its query."""
    TRACE = "trace"
    """A field of its trace id."""


ON_PURPOSE = (Naming.CLAIM, Naming.HEADER, Naming.KEY)
"""Where a name that no tenant has is an unknown tenant; anywhere else it may mean something else."""
NO_TENANT = (
    "www", "api", "apis", "app", "apps", "admin", "static", "assets", "cdn", "img", "images", "media", "files",
    "auth", "login", "sso", "id", "account", "accounts", "docs", "help", "support", "status", "blog", "mail",
    "ws", "edge", "gateway", "dev", "test", "staging", "stage", "prod", "production", "sandbox", "internal",
)  # fmt: skip


class FeatureTable(BaseModel):
    """Routes that fit are of the feature. Of several rules that fit, the first counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feature: Annotated[str, Field(min_length=1, description="the feature's name")]
    template: Annotated[
        str,
        Field(
            description="`*` is any one segment, or part of one, and `**` any number; a parameter is a segment"
        ),
    ] = "**"
    method: Annotated[str, Field(description="exact, or `*`")] = "*"
    host: Annotated[
        str, Field(description="exact, `*`, or `*.example.com` where tenants have subdomains")
    ] = "*"


class Routing(BaseModel):
    """`[routing]`: whose the requests of access logs are, and which feature they use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tenant: Annotated[
        tuple[Naming, ...],
        Field(description="what names a request's tenant, in order; the first that does counts"),
    ] = tuple(Naming)
    no_tenant: Annotated[tuple[str, ...], Field(description="subdomains that never name a tenant")] = (
        NO_TENANT
    )
    base_paths: Annotated[
        tuple[str, ...],
        Field(description="what a log has before the paths of the API documents, such as the stage `/prod`"),
    ] = ()
    features: Annotated[
        tuple[FeatureTable, ...],
        Field(description="which feature a route is of; by default its first OpenAPI tag"),
    ] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.tenant)) < len(self.tenant):
            message = "tenant names a rule twice"
            raise ValueError(message)
        return self

    @property
    def feature_rules(self) -> list[FeatureRule]:
        return [FeatureRule(f.feature, f.template, f.method, f.host) for f in self.features]

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Routing:
        """The `[routing]` table of `tenantry.toml`. Raises `invalid` with every problem."""
        try:
            return cls.model_validate(table)
        except ValidationError as problems:
            text = "; ".join(
                f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems.errors(include_url=False)
            )
            raise invalid(f"routing: {text}", "see docs/reference/routing.md") from None
