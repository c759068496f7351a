"""Nouns: what each table holds and the query that builds it."""

from .allocation import Allocation
from .charges import Charges
from .cost_profile import CostProfile
from .margin import Margin
from .overhead import Overhead
from .pool_cost import PoolCost
from .pool_routes import PoolRoutes
from .subscriptions import Subscriptions
from .tenant_cost import TenantCost
from .tenants import TenantNames, Tenants
from .usage import ActiveUsers, Usage, UsageHourly

DATASETS = (
    Charges,
    Tenants,
    Subscriptions,
    ActiveUsers,
    Usage,
    TenantNames,
    UsageHourly,
    PoolCost,
    PoolRoutes,
    Allocation,
    Overhead,
    TenantCost,
    Margin,
    CostProfile,
)
