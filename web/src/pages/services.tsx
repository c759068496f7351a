import { useMemo, type ReactNode } from "react";
import { useTool, windowOf } from "../api/client";
import { atMost, type Series, type Spec } from "../charts/spec";
import { money, numeric } from "../format/numbers";
import { monthName, windowName } from "../format/times";
import { tenantPath, To, useChoice, usePathParams, useUrl } from "../ui/address";
import { inCurrency, ToolPanel } from "../ui/answers";
import { Chart } from "../ui/chart";
import { Choose, CurrencyOf } from "../ui/controls";
import { AnswerPanel, Page } from "../ui/page";
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
  const trend = useTool("cost_profile.trend", { basis, top: 12 });
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
        columns={{ service_name: { title: "Service" }, gross: { phone: false } }} path={(row) => `/services/${encodeURIComponent(row.service_name)}`} />
    </Page>
  );
}

function trendOf(rows: { month: string; name: string; currency: string; cost: string }[]): Spec | null {
  const x = [...new Set(rows.map((row) => row.month))].sort();
  if (x.length === 0) return null;
  const found = new Map(rows.map((row) => [`${row.name} ${row.month}`, numeric(row.cost)]));
  const names = [...new Set(rows.map((row) => row.name))];
  const last = rows.filter((row) => row.month === x.at(-1)).sort((a, b) => Number(b.cost) - Number(a.cost))[0];
  const all: Series[] = names.map((name) => ({ name, hue: "cat-0", values: x.map((month) => found.get(`${name} ${month}`) ?? 0) }));
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
  const { window } = useChoice();
  const basis = useBasis();
  return (
    <Page title={id} crumb={{ path: "/services", name: "Services" }} lead="Whose cost it is, and how surely that is known."
      actions={<Choose name="basis" label="Which cost" options={BASES} />}>
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
