"""Connectors: whose files we read, and how their columns become landing datasets."""

from .access import AccessLog
from .aws_costs import AwsCosts
from .cloudwatch import CloudWatch
from .control_plane import EntitlementsTable, ResourcesTable, TiersTable
from .cur import Cur
from .focus import Focus
from .openapi import OpenApi
from .otlp import Otlp
from .service_log import ServiceLog
from .stripe import Stripe
from .tables import (
    ActiveUsersTable,
    InvoicesTable,
    SubscriptionsTable,
    TenantInvoicesTable,
    UsageTable,
)
from .tenant_service import TenantService
from .tenants import TenantsTable

SOURCES = (
    AccessLog,
    Focus,
    Cur,
    Otlp,
    ServiceLog,
    OpenApi,
    UsageTable,
    ActiveUsersTable,
    SubscriptionsTable,
    TenantInvoicesTable,
    InvoicesTable,
    EntitlementsTable,
    ResourcesTable,
    TenantsTable,
    TiersTable,
    Stripe,
    TenantService,
    AwsCosts,
    CloudWatch,
)
"""In the order in which a file is offered to them: the most particular columns first."""
