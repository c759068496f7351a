import { useMemo, type ReactNode } from "react";
import { useTool, windowOf, type Row } from "../api/client";
import { change, counted, money, numeric, ratio, sum } from "../format/numbers";
import { shiftMonths, windowName } from "../format/times";
import { tenantPath, To, useChoice } from "../ui/address";
import { Spark } from "../ui/chart";
import type { Column } from "../ui/columns";
import { CurrencyChoice, currencyIn } from "../ui/controls";
import { Delta, Lineage } from "../ui/figure";
import { AnswerPanel, AsOf, Banner, Chip, Page } from "../ui/page";
import { Empty } from "../ui/states";
import { DataTable } from "../ui/table";

/** So many tenants have a trend, the dearest: the others' costs would be more than the page itself. */
const TRENDS = 200;

type Standing = Row<"overview.tenants"> & { trend?: string[] };

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
  { key: "trend", title: "Trend", about: `Cost of the last twelve months, of the ${TRENDS} dearest tenants`, show: (row) => (row.trend ? <Spark values={row.trend.map(Number)} /> : "") },
  { key: "confidence", title: "Known", kind: "ratio", about: "Part of the cost known by the bill or a meter; coarse drivers count half" },
];

const OF_COST = COLUMNS.filter((column) => !["revenue", "margin", "margin_ratio", "plan"].includes(column.key)).map((column) => (column.key === "cost_change" ? { ...column, phone: true } : column));

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

/** Costs of the last months by tenant, in the currency shown, and whether they are still to come. */
function useCosts(currency: string, months: string[]): { costs: Map<string, string[]>; coming: boolean } {
  const last = months.slice(-12);
  const window = last.length > 1 ? `${last[0]}..${shiftMonths(last.at(-1)!, 1)}` : undefined;
  const query = useTool("figures.totals", { measure: "cost", by: "tenant", grain: "month", window, top: TRENDS }, { enabled: window !== undefined });
  const costs = useMemo(() => {
    const found = new Map<string, string[]>();
    for (const row of query.data?.data ?? []) {
      if (row.currency !== currency) continue;
      const values = found.get(row.name) ?? last.map(() => "0");
      const at = last.indexOf(row.start);
      if (at >= 0) values[at] = row.value ?? "0";
      found.set(row.name, values);
    }
    return found;
  }, [query.data, currency]);
  return { costs, coming: query.isLoading };
}

export function Tenants(): ReactNode {
  const { window, compare, against, currency } = useChoice();
  const query = useTool("overview.tenants", { window, compare, against });
  const { all, now } = currencyIn(query.data?.data ?? [], currency, (row) => numeric(row.effective_cost) ?? 0);
  const months = useTool("overview.months");
  const whole = (months.data?.data ?? []).filter((row) => row.whole && row.currency === now).map((row) => row.month);
  const { costs, coming } = useCosts(now, whole.sort());
  const rows = useMemo(
    () => (query.data?.data ?? []).filter((row) => row.currency === now).map((row): Standing => ({ ...row, trend: costs.get(row.tenant_id) })),
    [query.data, now, costs],
  );
  const cost = sum(rows.map((row) => row.effective_cost));
  const sold = rows.some((row) => numeric(row.revenue) !== 0);
  const people = rows.filter((row) => !row.tenant_id.startsWith("("));
  const named = numeric(cost) ? (numeric(sum(people.map((row) => row.effective_cost))) ?? 0) / numeric(cost)! : null;
  return (
    <Page
      title="Tenants"
      lead={
        <>
          {query.data && `${windowName(windowOf(query.data))} · `}
          <AsOf answer={query.data} />
        </>
      }
      actions={
        <>
          {named !== null && <Chip mood={named > 0.9 ? "good" : "warn"}>{ratio(named)} of cost has a tenant’s name</Chip>}
          <CurrencyChoice all={all} now={now} />
        </>
      }
    >
      {rows.length > 0 && people.length === 0 && (
        <Banner>
          No cost has a tenant’s name yet. Say in a tenants table whose each account is (<code>tenant_id, name, accounts</code>), or bring usage by tenant: <To path="/bring">add files</To>, <To path="/health">what to add next</To>.
        </Banner>
      )}
      {people.length > 0 && !sold && (
        <Banner>
          No revenue is known in {now}, so there are no margins. <To path="/bring">Add subscriptions</To>: <code>tenant_id, plan, started_on, amount, currency</code>.
        </Banner>
      )}
      <AnswerPanel
        title="Revenue, cost and margin per tenant"
        query={query}
        height={420}
        note={rows.length ? `${counted(rows.length, "row")} cost ${money(cost, now)} together: the whole bill in ${now}.` : undefined}
        actions={<Lineage name="tenants" about="Each tenant's revenue, cost and margin, summed over the months of the range." answer={query.data} />}
      >
        {() => (
          <DataTable name="Tenants" rows={rows} columns={sold ? COLUMNS : OF_COST} facets={["tier", "plan"]} sort="-effective_cost"
            rowKey={(row) => row.tenant_id} coming={months.isLoading || coming} path={(row) => tenantPath(row.tenant_id)}
            empty={<Empty title="No tenant has cost or revenue in this range">Choose another range, or bring a tenants table: <code>tenantry profile bills/ tenants.csv</code>.</Empty>} />
        )}
      </AnswerPanel>
    </Page>
  );
}
