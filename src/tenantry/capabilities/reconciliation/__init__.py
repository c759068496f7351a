"""Reconciliation: whether every figure matches the bill, and which rows of it a figure comes from."""

from __future__ import annotations

from pathlib import Path

from ...datasets.allocated_cells import AllocatedCells
from ...datasets.allocation import Allocation
from ...datasets.allocation_rules import AllocationRules
from ...datasets.bill_checks import BillSums, CommitmentTerms, PriceChecks
from ...datasets.charge_pool import ChargePool
from ...datasets.charges import Charges
from ...datasets.closed import ClosedDays
from ...datasets.correction_entries import CorrectionEntries
from ...datasets.cost_profile import CostProfile
from ...datasets.focus_allocated import FocusAllocated
from ...datasets.invoices import Invoices, InvoiceSums
from ...datasets.overhead import Overhead
from ...datasets.pool_cost import PoolCost
from ...datasets.provider_costs import ProviderCosts
from ...datasets.tenant_cost import TenantCost
from ...datasets.usage import UsageHourly
from ...kernel import Capability
from ...kernel.landing import Deliveries
from .certificate import certificate
from .explain import explain
from .providers import provider_costs
from .rules import rules

CAPABILITY = Capability(
    name="reconciliation",
    question="Does every figure match the bill, and where does it come from?",
    datasets=(
        Charges,
        Invoices,
        ProviderCosts,
        CostProfile,
        Deliveries,
        AllocationRules,
        PoolCost,
        Allocation,
        Overhead,
        TenantCost,
        ClosedDays,
        CorrectionEntries,
        UsageHourly,
        BillSums,
        InvoiceSums,
        CommitmentTerms,
        PriceChecks,
        AllocatedCells,
        ChargePool,
        FocusAllocated,
    ),
    tools=(certificate, rules, explain, provider_costs),
    examples=(
        "Do the tenants' costs add up to the bill?",
        "Which reconciliation rules does our provider's bill break?",
        "Does AWS Cost Explorer say the same as the bill?",
        "Why does this tenant cost what it costs, and which bill rows is that?",
    ),
    instructions=Capability.instructions_beside(str(Path(__file__).parent)),
)
