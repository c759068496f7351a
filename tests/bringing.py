"""Small files that a stranger may bring: a bill of one month, and the tenants it is for."""

from __future__ import annotations

HEADS = (
    "BillingAccountId,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,"
    "BillingCurrency,ProviderName,ServiceName,ServiceCategory,BilledCost,EffectiveCost,ListCost,ContractedCost"
)


def bill(rows: int = 31, *, broken: int = 0) -> bytes:
    """A FOCUS file of a Compute charge of 10 USD a day in May 2026; of the last ones the cost is no number."""
    lines = [HEADS]
    for nth in range(rows):
        cost = "a lot" if nth >= rows - broken else "10"
        day = f"2026-05-{nth + 1:02}T00:00:00Z"
        end = f"2026-05-{nth + 2:02}T00:00:00Z" if nth < 30 else "2026-06-01T00:00:00Z"
        lines.append(
            f"payer,2026-05-01T00:00:00Z,2026-06-01T00:00:00Z,{day},{end},Usage,USD,AWS,Compute,Compute,"
            f"{cost},{cost},{cost},{cost}"
        )
    return "\n".join(lines).encode()


TENANTS = b"tenant_id,name,tier\nacme,Acme,gold\nbeta,Beta,free\n"
