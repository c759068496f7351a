import { useMemo, type ReactNode } from "react";
import { useTool, windowOf, type Document, type Row } from "../api/client";
import { atMost, type Series, type Spec } from "../charts/spec";
import { count, money, numeric, ratio, sum } from "../format/numbers";
import { monthName, windowName } from "../format/times";
import { tenantPath, To, useChoice, usePathParams, useUrl } from "../ui/address";
import { inCurrency, ToolPanel } from "../ui/answers";
import { Chart } from "../ui/chart";
import { Choose, CurrencyOf } from "../ui/controls";
import { Figure } from "../ui/figure";
import { AnswerPanel, AsOf, Grid, Page } from "../ui/page";
import { Empty } from "../ui/states";

const BASES = [
  ["effective", "Effective"],
  ["billed", "Billed"],
  ["list", "List"],
  ["contracted", "Contracted"],
] as const;

function useBasis(): string {
  const [search] = useUrl();
  return BASES.some(([key]) => key === search.basis) ? search.basis! : "effective";
}

export function Services(): ReactNode {
  const { window, currency } = useChoice();
  const basis = useBasis();
  const trend = useTool("cost_profile.trend", { basis, top: 1000 });
  const services = useTool("cost_profile.services", { window, basis, top: 1000 });
  const spec = useMemo(() => trendOf(inCurrency(trend.data?.data ?? [], currency)), [trend.data, currency]);
  return (
    <Page title="Services" lead={services.data && `What the bill is made of · ${windowName(windowOf(services.data))}`}
      actions={
        <>
          <Choose name="basis" label="Which cost" options={BASES} />
          <CurrencyOf rows={services.data?.data} weight={(row) => numeric(row.net) ?? 0} />
        </>
      }>
      <AnswerPanel title="Cost by service and month" query={trend} bare height={330}>
        {() => (spec ? <Chart spec={spec} height={270} /> : <Empty title="No bill yet" />)}
      </AnswerPanel>
      <ToolPanel name="cost_profile.services" title="Cost by service" given={{ window, basis, top: 1000 }} sort="-net"
        columns={{ service_name: { title: "Service" }, gross: { phone: false }, credits: { phone: false }, share: { phone: true } }} path={(row) => `/services/${encodeURIComponent(row.service_name)}`} />
    </Page>
  );
}

function trendOf(rows: { month: string; name: string; currency: string; cost: string }[]): Spec | null {
  const x = [...new Set(rows.map((row) => row.month))].sort();
  if (x.length === 0) return null;
  const found = new Map(rows.map((row) => [`${row.name} ${row.month}`, row.cost]));
  const names = [...new Set(rows.map((row) => row.name))];
  const last = rows.filter((row) => row.month === x.at(-1)).sort((a, b) => Number(b.cost) - Number(a.cost))[0];
  const all: Series[] = names.map((name) => ({ name, hue: "cat-0", values: x.map((month) => found.get(`${name} ${month}`) ?? "0") }));
  const series = atMost(all).map((one, nth): Series => ({ ...one, hue: `cat-${nth as 0}` }));
  return {
    kind: "stack",
    title: "Cost by service and month",
    unit: rows[0]!.currency,
    finding: last ? `${last.name} is the dearest in ${monthName(last.month)}: ${money(last.cost, last.currency)}.` : "",
    x: x.map(monthName),
    series,
  };
}

export function Service(): ReactNode {
  const id = usePathParams().id ?? "";
  const { window, currency } = useChoice();
  const basis = useBasis();
  const users = useTool("cost_profile.users", { service_name: id, window, basis });
  const rows = inCurrency(users.data?.data ?? [], currency);
  const trend = useTool("cost_profile.trend", { basis, top: 1000 });
  const months = (trend.data?.data ?? []).filter((row) => row.name === id && row.currency === rows[0]?.currency);
  return (
    <Page title={id} crumb={{ path: "/services", name: "Services" }}
      lead={users.data && <>{windowName(windowOf(users.data))} · <AsOf answer={users.data} /> · no metrics, so no utilisation</>}
      actions={
        <>
          <Choose name="basis" label="Which cost" options={BASES} />
          <CurrencyOf rows={users.data?.data} weight={(row) => numeric(row.cost) ?? 0} />
        </>
      }>
      {users.data && rows[0] && <Kpis answer={users.data} rows={rows} basis={basis} />}
      {months.length > 1 && (
        <AnswerPanel title="Month by month" query={trend} bare height={260}>
          {() => (
            <Chart height={200} spec={{ kind: "bar", title: "Cost per month", unit: months[0]!.currency, x: months.map((row) => monthName(row.month)),
              finding: `It went from ${money(months[0]!.cost, months[0]!.currency)} in ${monthName(months[0]!.month)} to ${money(months.at(-1)!.cost, months[0]!.currency)} in ${monthName(months.at(-1)!.month)}.`,
              series: [{ name: "Cost", hue: "cost", values: months.map((row) => row.cost) }] }} />
          )}
        </AnswerPanel>
      )}
      <ToolPanel name="cost_profile.users" title="Cost by tenant" given={{ service_name: id, window, basis }} sort="-cost" facets={["tier"]}
        path={(row) => tenantPath(row.tenant_id)} columns={{ tenant_id: { title: "Tenant", show: (row) => row.name ?? row.tenant_id }, name: null }}
        empty={<Empty title="It costs nothing in this range" />} />
      <ToolPanel name="cost_profile.meter_next" title="What would make it surer" given={{ window, top: 1000 }} sort="-uncertainty" id="meter."
        keep={(row) => row.service_name === id} empty={<Empty icon="check" title="Nothing: no meter would move its cost" />} />
      <p>
        <To path="/services">All services</To>
      </p>
    </Page>
  );
}

function Kpis({ answer, rows, basis }: { answer: Document; rows: Row<"cost_profile.users">[]; basis: string }): ReactNode {
  const { currency } = rows[0]!;
  const whole = sum(rows.map((row) => row.cost));
  const part = (keep: (row: Row<"cost_profile.users">) => boolean) => sum(rows.filter(keep).map((row) => row.cost));
  const named = rows.filter((row) => !row.tenant_id.startsWith("(")).length;
  const known = rows.reduce((all, row) => all + (numeric(row.cost) ?? 0) * (row.known ?? 0), 0);
  const ofWhole = (amount: number) => (numeric(whole) ? ratio(amount / numeric(whole)!) : "n/a");
  const idle = part((row) => row.tenant_id === "(idle)");
  const unnamed = part((row) => row.tenant_id === "(unallocated)");
  return (
    <Grid columns={4}>
      <Figure name="Cost" colour="cost" answer={answer} value={money(whole, currency)} about={`The service's ${basis} cost: all rows below together.`}
        note={`of ${count(named)} ${named === 1 ? "tenant" : "tenants"}`} />
      <Figure name="Idle" answer={answer} value={ofWhole(numeric(idle) ?? 0)} about="Capacity that was paid for and that no tenant used, where a rule or a meter says how much there is." note={money(idle, currency)} />
      <Figure name="Unallocated" answer={answer} value={ofWhole(numeric(unnamed) ?? 0)} about="Cost that no rule gives to a tenant." note={money(unnamed, currency)} />
      <Figure name="Known" colour="margin" answer={answer} value={ofWhole(known)} about="The part that the bill itself or a meter of this service says; the rest is shared by weaker drivers." note="by the bill or a meter" />
    </Grid>
  );
}
