import { useMemo, type ReactNode } from "react";
import { useTool, windowOf, type Row } from "../api/client";
import { change, count, money, numeric, ratio } from "../format/numbers";
import { shiftMonths, windowName } from "../format/times";
import { tenantPath, useChoice } from "../ui/address";
import { Spark } from "../ui/chart";
import type { Column } from "../ui/columns";
import { CurrencyChoice, currencyIn } from "../ui/controls";
import { Delta, Lineage } from "../ui/figure";
import { AnswerPanel, AsOf, Chip, Page } from "../ui/page";
import { Empty } from "../ui/states";
import { DataTable } from "../ui/table";

type Standing = Row<"overview.tenants"> & { trend?: number[] };

const COLUMNS: Column<Standing>[] = [
  { key: "tenant_id", title: "Tenant", phone: true, show: (row) => row.name ?? row.tenant_id, about: "(unallocated) and (idle) are rows like others" },
  { key: "tier", title: "Tier" },
  { key: "plan", title: "Plan" },
  { key: "revenue", title: "Revenue", kind: "money", about: "What subscriptions say, spread over their days" },
  { key: "effective_cost", title: "Cost", kind: "money", phone: true, about: "Effective cost: amortised, after discounts" },
  { key: "cost_before", title: "Cost before", kind: "money", extra: true },
  { key: "cost_change", title: "Change", kind: "change", about: "Of cost, against the range compared with", show: (row) => <Change row={row} /> },
  { key: "margin", title: "Margin", kind: "money", phone: true },
  { key: "margin_ratio", title: "Margin %", kind: "ratio", about: "Margin / revenue; n/a without revenue", show: (row) => <MarginRatio row={row} /> },
  { key: "trend", title: "Trend", about: "Cost of the last twelve months", show: (row) => (row.trend ? <Spark values={row.trend} /> : "") },
  { key: "confidence", title: "Known", kind: "ratio", about: "Part of the cost known by the bill or a meter; coarse drivers count half" },
];

function Change({ row }: { row: Standing }): ReactNode {
  if (row.cost_change === null || row.cost_change === undefined) return "n/a";
  const by = numeric(row.cost_change) ?? 0;
  return (
    <span title={change(row.effective_cost, row.cost_before)}>
      <Delta text={money(row.cost_change, row.currency, { sign: true })} by={by} />
    </span>
  );
}

function MarginRatio({ row }: { row: Standing }): ReactNode {
  if (row.margin_ratio === null) return <span title="no revenue in this currency">n/a</span>;
  return row.margin_ratio < 0 ? <Chip mood="bad" title="costs more than it pays">{ratio(row.margin_ratio)}</Chip> : ratio(row.margin_ratio);
}

/** So many tenants have a trend, the dearest: the others' costs would be more than the page itself. */
const TRENDS = 200;

/** Costs of the last months by tenant, in the currency shown. */
function useCosts(currency: string, months: string[]): Map<string, number[]> {
  const last = months.slice(-12);
  const window = last.length > 1 ? `${last[0]}..${shiftMonths(last.at(-1)!, 1)}` : undefined;
  const query = useTool("figures.totals", { measure: "cost", by: "tenant", grain: "month", window, top: TRENDS }, { enabled: window !== undefined });
  return useMemo(() => {
    const found = new Map<string, number[]>();
    for (const row of query.data?.data ?? []) {
      if (row.currency !== currency) continue;
      const values = found.get(row.name) ?? last.map(() => 0);
      const at = last.indexOf(row.start);
      if (at >= 0) values[at] = numeric(row.value) ?? 0;
      found.set(row.name, values);
    }
    return found;
  }, [query.data, currency]);
}

export function Tenants(): ReactNode {
  const { window, compare, currency } = useChoice();
  const query = useTool("overview.tenants", { window, compare });
  const { all, now } = currencyIn(query.data?.data ?? [], currency, (row) => numeric(row.effective_cost) ?? 0);
  const months = useTool("overview.months");
  const whole = (months.data?.data ?? []).filter((row) => row.whole && row.currency === now).map((row) => row.month);
  const costs = useCosts(now, whole.sort());
  const rows = useMemo(
    () => (query.data?.data ?? []).filter((row) => row.currency === now).map((row): Standing => ({ ...row, trend: costs.get(row.tenant_id) })),
    [query.data, now, costs],
  );
  const cost = rows.reduce((sum, row) => sum + (numeric(row.effective_cost) ?? 0), 0);
  return (
    <Page
      title="Tenants"
      lead={
        <>
          {query.data && `${windowName(windowOf(query.data))} · `}
          <AsOf answer={query.data} />
        </>
      }
      actions={<CurrencyChoice all={all} now={now} />}
    >
      <AnswerPanel
        title="Revenue, cost and margin per tenant"
        query={query}
        height={420}
        note={query.data ? `${count(rows.length)} rows cost ${money(cost, now)} together: the whole bill in ${now}.` : undefined}
        actions={<Lineage name="tenants" about="Each tenant's revenue, cost and margin, summed over the months of the range." answer={query.data} />}
      >
        {() => (
          <DataTable name="Tenants" rows={rows} columns={COLUMNS} facets={["tier", "plan"]} sort="-effective_cost"
            rowKey={(row) => row.tenant_id} path={(row) => tenantPath(row.tenant_id)}
            empty={<Empty title="No tenant has cost or revenue in this range">Choose another range, or bring a tenants table: <code>tenantry profile bills/ tenants.csv</code>.</Empty>} />
        )}
      </AnswerPanel>
    </Page>
  );
}
