"""Nouns: what each table holds and the query that builds it."""

from .access import AccessHours
from .allocated_cells import AllocatedCells
from .allocation import Allocation
from .allocation_rules import AllocationRules
from .bill_checks import BillSums, CommitmentTerms, PriceChecks
from .charge_pool import ChargePool
from .charges import Charges
from .closed import ClosedCost, ClosedDays
from .correction_entries import CorrectionEntries
from .corrections import Corrections
from .cost_profile import CostProfile
from .counters import UsageCounters
from .documents import ApiDocuments
from .entitlements import Entitlements, TenantEntitlements
from .feature_cost import FeatureCost, FeatureCostFull
from .focus_allocated import FocusAllocated
from .forecast_methods import ForecastMethods, ForecastTrials
from .forecasts import ForecastAccuracy, Forecasts
from .insights import Dismissals, Insights
from .invoices import Invoices, InvoiceSums
from .margin import Margin
from .overhead import Borne, Overhead, SharedCost
from .pool_cost import PoolCost
from .pool_routes import PoolRoutes
from .provider_costs import ProviderCosts
from .requests import Requests
from .resources import Resources
from .routes import Routes, RouteTemplates
from .subscriptions import Subscriptions
from .tenant_cost import TenantCost
from .tenant_invoices import TenantInvoices
from .tenants import TenantNames, Tenants
from .tiers import TenantTiers, Tiers
from .usage import ActiveUsers, MeterHours, Usage, UsageHourly
from .workflows import Workflows

DATASETS = (
    Charges,
    Tenants,
    Subscriptions,
    TenantInvoices,
    Tiers,
    TenantTiers,
    Entitlements,
    Resources,
    Workflows,
    Dismissals,
    ForecastTrials,
    ForecastMethods,
    ActiveUsers,
    Usage,
    UsageCounters,
    AccessHours,
    ApiDocuments,
    ClosedDays,
    ClosedCost,
    TenantNames,
    TenantEntitlements,
    Routes,
    RouteTemplates,
    Requests,
    UsageHourly,
    MeterHours,
    PoolCost,
    PoolRoutes,
    Allocation,
    Borne,
    SharedCost,
    Overhead,
    Corrections,
    FeatureCost,
    CorrectionEntries,
    TenantCost,
    FeatureCostFull,
    Margin,
    Forecasts,
    ForecastAccuracy,
    CostProfile,
    Invoices,
    InvoiceSums,
    ProviderCosts,
    BillSums,
    CommitmentTerms,
    PriceChecks,
    AllocationRules,
    ChargePool,
    AllocatedCells,
    FocusAllocated,
    Insights,
)
