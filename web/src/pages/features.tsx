import type { ReactNode } from "react";
import { useTool } from "../api/client";
import type { Spec } from "../charts/spec";
import { money, numeric, ratio } from "../format/numbers";
import { To, tenantPath, useChoice, usePathParams, useUrl } from "../ui/address";
import { inCurrency, ToolPanel } from "../ui/answers";
import { Chart } from "../ui/chart";
import { straight } from "../ui/columns";
import { Choose, Code, CurrencyOf } from "../ui/controls";
import { AnswerPanel, Grid, Page } from "../ui/page";
import { Empty } from "../ui/states";

const SHARED = [
  ["apart", "Shared cost apart"],
  ["spread", "Shared cost spread"],
] as const;

const NO_FEATURES = (
  <Empty title="No usage names a feature">
    Send usage with a feature and its cost appears here:
    <Code>{"id,source,time,tenant_id,feature_id,service_name,meter,quantity\n1,app,2026-07-01T10:00:00Z,acme,search,,calls,1"}</Code>
  </Empty>
);

const path = (row: { feature_id: string }) => `/features/${encodeURIComponent(row.feature_id)}`;

function useShared(): "apart" | "spread" {
  const [search] = useUrl();
  return search.shared === "spread" ? "spread" : "apart";
}

export function Features(): ReactNode {
  const { window, currency } = useChoice();
  const shared = useShared();
  const rank = useTool("cost_per_feature.rank", { window, shared, top: 200 });
  const rows = inCurrency(rank.data?.data ?? [], currency);
  const named = rows.filter((row) => !row.feature_id.startsWith("(")).slice(0, 12);
  return (
    <Page title="Features" lead="What each feature costs, per use and per tenant, and whether people use it."
      actions={
        <>
          <Choose name="shared" label="Shared cost" options={SHARED} />
          <CurrencyOf rows={rank.data?.data} weight={(row) => numeric(row.cost) ?? 0} />
        </>
      }>
      {!(rank.error?.status === 404 && !rank.data) && <AnswerPanel title="Cost by feature" query={rank} bare height={320}>
        {() => {
          if (named.length === 0) return NO_FEATURES;
          const spec: Spec = {
            kind: "ranks",
            title: "Cost by feature",
            unit: named[0]!.currency,
            finding: straight(`${named[0]!.feature_id} costs most: ${money(named[0]!.cost, named[0]!.currency)}, ${ratio(named[0]!.share)} of the whole.`),
            x: named.map((row) => row.feature_id),
            series: [{ name: "Cost", hue: "cost", values: named.map((row) => row.cost) }],
          };
          return <Chart spec={spec} height={60 + named.length * 26} />;
        }}
      </AnswerPanel>}
      <ToolPanel name="cost_per_feature.rank" title="Cost per feature and use" given={{ window, shared, top: 200 }} sort="-cost" path={path}
        columns={{ feature_id: { title: "Feature" }, cost_per_unit: { title: "Per use", kind: "unit" }, covered: { title: "Metered", extra: true } }} empty={NO_FEATURES} />
      <ToolPanel name="cost_per_feature.adoption" title="Adoption against cost" given={{ window, shared }} sort="-cost" path={path}
        columns={{ feature_id: { title: "Feature" }, active: { extra: true }, covered: { extra: true }, cost_per_tenant: { title: "Per tenant", kind: "money" } }} facets={["quadrant"]} empty={NO_FEATURES} />
    </Page>
  );
}

const BY = [
  ["tenant", "By tenant"],
  ["tier", "By tier"],
  ["service", "By service"],
] as const;

export function Feature(): ReactNode {
  const id = usePathParams().id ?? "";
  const { window, currency } = useChoice();
  const [search] = useUrl();
  const shared = useShared();
  const by = BY.some(([key]) => key === search.by) ? search.by! : "tenant";
  const months = useTool("cost_per_feature.feature", { feature_id: id, by: "month", shared });
  const own = inCurrency(months.data?.data ?? [], currency);
  return (
    <Page title={id} crumb={{ path: "/features", name: "Features" }} lead="Who causes this feature’s cost, and on which services."
      actions={
        <>
          <Choose name="by" label="Divide" options={BY} />
          <Choose name="shared" label="Shared cost" options={SHARED} />
        </>
      }>
      <ToolPanel key={by} name="cost_per_feature.feature" title={`Cost by ${by}`} given={{ feature_id: id, by, window, shared, top: 10_000 }} sort="-cost" id="part."
        columns={{ name: { title: by.charAt(0).toUpperCase() + by.slice(1) } }}
        path={(row) => (by === "tenant" ? tenantPath(row.name) : by === "service" ? `/services/${encodeURIComponent(row.name)}` : null)} />
      <Grid>
        {own.length > 1 && (
          <AnswerPanel title="Month by month" query={months} bare>
            {() => (
              <Chart spec={{ kind: "bar", title: "Cost per month", unit: own[0]!.currency, finding: `${own.length} months.`, x: own.map((row) => row.name),
                series: [{ name: "Cost", hue: "cost", values: own.map((row) => row.cost) }] }} />
            )}
          </AnswerPanel>
        )}
        {!id.startsWith("(") && (
          <ToolPanel name="feature_usage.users" title="Who uses it" given={{ feature_id: id, window, top: 10_000 }} sort="-units" id="users."
            columns={{ service_name: { extra: true } }} path={(row) => tenantPath(row.tenant_id)} empty={<Empty title="Nobody used it in this range" />} />
        )}
      </Grid>
      <p>
        <To path="/features">All features</To>
      </p>
    </Page>
  );
}
