"""The costs of an AWS line item: billed, amortised over what was paid ahead, list and contracted.

The cases are those of AWS's own Cloud Intelligence Dashboards (their `summary_view`). Over a whole bill
sum(unblended) = sum(effective) + sum(true-up) + sum(upfront).
"""

from __future__ import annotations

from dataclasses import dataclass

from ..kernel.source import Division
from .bills import Rows
from .cells import full, let, literal

_PLAN_REFUND = "Refund for one-time fee for Savings Plan ID.*"
COVERED = ("SavingsPlanCoveredUsage", "DiscountedUsage")

# AWS writes a fee and what of it went unused in one line item. FOCUS: a purchase, which costs nothing by itself, and
# usage that nobody had, which is not billed again.
UNUSED = Division(
    where="charge_category = 'Purchase' AND commitment_discount_status = 'Unused'",
    note="a fee and what of it was unused: two charges",
    first={
        "effective_cost": "0",
        "commitment_discount_status": "NULL",
        "commitment_discount_quantity": "NULL",
    },
    second={
        "charge_key": "charge_key || ':unused'",
        "charge_category": "'Usage'",
        "charge_frequency": "'Usage-Based'",
        "pricing_category": "'Committed'",
        **dict.fromkeys(("billed_cost", "list_cost", "contracted_cost"), "0"),
        **dict.fromkeys(("x_unblended_cost", "x_amortized_true_up", "x_amortized_upfront"), "0"),
        **dict.fromkeys(("pricing_quantity", "list_unit_price", "contracted_unit_price"), "NULL"),
    },
)

_PERIOD = "for_billing_period"
# Without these columns a report knows nothing of amortisation: its rows then cost what was paid.
_PLAN = (
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
    f"savings_plan_amortized_upfront_commitment_{_PERIOD}",
)
_RESERVATION = (
    "reservation_effective_cost",
    f"reservation_amortized_upfront_fee_{_PERIOD}",
    f"reservation_unused_amortized_upfront_fee_{_PERIOD}",
    "reservation_unused_recurring_fee",
)


class Line:
    """Conditions on a line item, in SQL."""

    def __init__(self, rows: Rows) -> None:
        self.type = f"COALESCE({rows.text('line_item_line_item_type')}, 'Usage')"
        self.planned = f"{rows.text('savings_plan_savings_plan_a_r_n')} IS NOT NULL"
        self.reserved = f"{rows.text('reservation_reservation_a_r_n')} IS NOT NULL"
        described = full(rows.text("line_item_line_item_description"), _PLAN_REFUND)
        self.plan_refund = f"({self.any('Refund')} AND COALESCE({described}, FALSE))"

    def any(self, *types: str) -> str:
        """The line item's type is one of these."""
        return f"{self.type} IN ({', '.join(map(literal, types))})"

    def case(self, *whens: tuple[str, str], otherwise: str = "NULL") -> str:
        """The value beside the first condition that holds."""
        arms = " ".join(f"WHEN {when} THEN {then}" for when, then in whens)
        return f"CASE {arms} ELSE {otherwise} END" if whens else otherwise


def amounts(rows: Rows, line: Line) -> dict[str, str]:
    """The money columns of `Charges`. Net columns, after private discounts, go before the gross ones."""
    paid = rows.amount("line_item_net_unblended_cost", "line_item_unblended_cost")
    rows.repairs["line_item_unblended_cost is empty: 0 taken"] = f"{paid} IS NULL"
    paid = f"COALESCE({paid}, 0)"
    amortised = [*_plan(rows, line), *_reservation(rows, line)]
    wasted = [(f"{case.when} AND {case.effective} <> 0", "'Unused'") for case in amortised if case.recurs]
    nothing = (line.any("SavingsPlanNegation", "SavingsPlanCoveredUsage"), "0")
    return {
        "billed_cost": line.case(nothing, otherwise=paid),
        "effective_cost": line.case(*((case.when, case.effective) for case in amortised), otherwise=paid),
        "x_unblended_cost": paid,
        "x_amortized_true_up": line.case(
            *((c.when, c.true_up) for c in amortised if c.true_up), otherwise="0"
        ),
        "x_amortized_upfront": line.case(*((c.when, paid) for c in amortised if c.ahead), otherwise="0"),
        "commitment_discount_status": line.case((line.any(*COVERED), "'Used'"), *wasted),
        **_undiscounted(rows, line, paid),
    }


def _undiscounted(rows: Rows, line: Line, paid: str) -> dict[str, str]:
    """Costs without commitments, and without any discount."""
    public = rows.amount("pricing_public_on_demand_cost")
    negation = (line.any("SavingsPlanNegation"), "0")
    contracted = f"COALESCE(NULLIF({paid}, 0), {public}, 0)"
    return {
        "contracted_cost": line.case(negation, (line.any(*COVERED), contracted), otherwise=paid),
        "list_cost": line.case(
            negation, (line.any("Usage", *COVERED), f"COALESCE(NULLIF({public}, 0), {paid})"), otherwise=paid
        ),
    }


@dataclass(frozen=True)
class _Case:
    """What line items of one kind cost; `ahead`: they are paid for what other items use."""

    when: str
    effective: str
    true_up: str = ""
    ahead: bool = False

    @property
    def recurs(self) -> bool:
        return bool(self.true_up)


def _plan(rows: Rows, line: Line) -> list[_Case]:
    if not all(name in rows.columns for name in _PLAN):
        return []
    used = _amount(
        rows, "savings_plan_net_savings_plan_effective_cost", "savings_plan_savings_plan_effective_cost"
    )
    unused = (
        f"COALESCE({rows.amount('savings_plan_total_commitment_to_date')}"
        f" - {rows.amount('savings_plan_used_commitment')}, 0)"
    )
    upfront = f"amortized_upfront_commitment_{_PERIOD}"
    ahead = _amount(rows, f"savings_plan_net_{upfront}", f"savings_plan_{upfront}")
    return [
        _Case(line.any("SavingsPlanCoveredUsage"), used),
        _Case(line.any("SavingsPlanRecurringFee"), _discounted(rows, unused), true_up=f"-{ahead}"),
        _Case(line.any("SavingsPlanNegation"), "0"),
        _Case(f"({line.any('SavingsPlanUpfrontFee')} OR {line.plan_refund})", "0", ahead=True),
    ]


def _reservation(rows: Rows, line: Line) -> list[_Case]:
    if not all(name in rows.columns for name in _RESERVATION):
        return []
    used = _amount(rows, "reservation_net_effective_cost", "reservation_effective_cost")
    fee, recurring = f"unused_amortized_upfront_fee_{_PERIOD}", "unused_recurring_fee"
    unused = " + ".join(
        _amount(rows, f"reservation_net_{name}", f"reservation_{name}") for name in (fee, recurring)
    )
    upfront = f"amortized_upfront_fee_{_PERIOD}"
    ahead = _amount(rows, f"reservation_net_{upfront}", f"reservation_{upfront}")
    return [
        _Case(line.any("DiscountedUsage"), used),
        _Case(line.any("RIFee"), unused, true_up=f"-{ahead}"),
        _Case(f"({line.any('Fee')} AND {line.reserved})", "0", ahead=True),
    ]


def _amount(rows: Rows, *names: str) -> str:
    return f"COALESCE({rows.amount(*names)}, 0)"


def _discounted(rows: Rows, unused: str) -> str:
    """The unused part of a plan after private discounts, which AWS states only for the plan's whole fee.

    In whole units of 10^-10, AWS's own, so that no floating point comes near it.
    """
    recurring, upfront = f"recurring_commitment_{_PERIOD}", f"amortized_upfront_commitment_{_PERIOD}"
    if f"savings_plan_net_{recurring}" not in rows.columns:
        return unused
    net = " + ".join(
        _amount(rows, f"savings_plan_net_{n}", f"savings_plan_{n}") for n in (recurring, upfront)
    )
    gross = " + ".join(_amount(rows, f"savings_plan_{name}") for name in (recurring, upfront))
    u, n, g = (f"CAST({x} * 10000000000 AS HUGEINT)" for x in "ung")
    scaled = f"CAST({u} * {n} // {g} AS DECIMAL(28,0)) * 0.0000000001"
    choice = f"CASE WHEN n = g OR g = 0 OR u = 0 THEN u ELSE COALESCE(TRY({scaled}), u) END"
    return let("u", unused, let("n", net, let("g", gross, choice)))
