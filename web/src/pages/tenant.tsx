import { useMemo, type ReactNode } from "react";
import { useSession, useTool, windowOf, type Row } from "../api/client";
import type { Spec } from "../charts/spec";
import { change, counted, money, numeric, ratio, sum } from "../format/numbers";
import { comparedWith, monthName, windowName } from "../format/times";
import { To, useChoice, usePathParams } from "../ui/address";
import { inCurrency, ToolPanel } from "../ui/answers";
import { Chart } from "../ui/chart";
import { CurrencyChoice, currencyIn } from "../ui/controls";
import { Delta, Figure } from "../ui/figure";
import { AnswerPanel, AsOf, Banner, Chip, Facts, Grid, Page, Panel } from "../ui/page";
import { Await, Empty } from "../ui/states";

export function Tenant(): ReactNode {
  const id = usePathParams().id ?? "";
  const choice = useChoice();
  const { window, compare, against, currency } = choice;
  const all = useTool("overview.tenants", { window, compare, against });
  const months = useTool("overview.months", { tenant_id: id });
  const own = (all.data?.data ?? []).filter((row) => row.tenant_id === id);
  const chosen = currencyIn(own, currency, (row) => numeric(row.effective_cost) ?? 0);
  const row = own.find((one) => one.currency === chosen.now);
  const person = !id.startsWith("(");
  const vendors = useSession().data?.tenant_id === null;
  const shown = windowOf(all.data);
  const before = comparedWith(shown, choice);
  return (
    <Page
      title={row?.name ?? id}
      crumb={{ path: "/tenants", name: "Tenants" }}
      lead={
        <>
          {all.data && `${windowName(shown)} · `}
          <AsOf answer={all.data} />
        </>
      }
      actions={
        <>
          {row?.tier && <Chip>{row.tier}</Chip>}
          {row?.plan && row.plan !== row.tier && <Chip>{row.plan}</Chip>}
          <CurrencyChoice all={chosen.all} now={chosen.now} />
        </>
      }
    >
      <Await query={all} height={110} what="this tenant" cards={4}>
        {(answer) => (row ? <Kpis row={row} answer={answer} before={before} sold={answer.data.some((one) => numeric(one.revenue) !== 0)} /> : <Nothing id={id} />)}
      </Await>
      <Grid>
        <AnswerPanel title="Month by month" query={months} height={300} bare>
          {(answer) => chosen.now && <Months rows={answer.data.filter((one) => one.currency === chosen.now)} currency={chosen.now} />}
        </AnswerPanel>
        <Why id={id} currency={chosen.now} shown={shown} before={row && row.cost_before !== null ? before : null} ready={!all.isPending} />
      </Grid>
      {person && vendors && <Ahead id={id} currency={chosen.now} />}
      <Services id={id} whole={row?.effective_cost} />
      <Grid>
        {person && (
          <ToolPanel name="feature_usage.tenant" title="Features used" given={{ tenant_id: id, window }} id="use."
            columns={{ feature_id: { first: true }, service_name: { extra: true }, before: { extra: true } }} sort="-units"
            path={(row) => (row.feature_id ? `/features/${encodeURIComponent(row.feature_id)}` : null)}
            empty={<Empty title="No usage is metered for this tenant">Bring usage events, access logs or OpenTelemetry: <To path="/health">what to meter next</To>.</Empty>} />
        )}
        {person && <Contract id={id} />}
      </Grid>
    </Page>
  );
}

function Nothing({ id }: { id: string }): ReactNode {
  return (
    <Panel title={`No figures for ${id}`}>
      <Empty title={`${id} has no cost and no revenue in this range`}>
        It may be spelled otherwise, or have come later. <To path="/tenants">All tenants</To>, or press Ctrl K to search.
      </Empty>
    </Panel>
  );
}

/** `sold`: some revenue is known, be it another tenant's. */
function Kpis(props: { row: Row<"overview.tenants">; answer: Parameters<typeof Figure>[0]["answer"]; before: string | null; sold: boolean }): ReactNode {
  const { row, answer, before, sold } = props;
  const delta = (now: string, was: string | null | undefined, good: "up" | "neither") =>
    was === null || was === undefined ? undefined : (
      <Delta text={change(now, was)} by={(numeric(now) ?? 0) - (numeric(was) ?? 0)} good={good} against={before ? windowName(before) : "before"} />
    );
  const unsure = (row.confidence ?? 0) < 0.8 ? `Only ${ratio(row.confidence)} of this cost is known by the bill or by a meter.` : undefined;
  return (
    <Grid columns={4}>
      <Figure name="Revenue" colour="revenue" answer={answer} value={sold ? money(row.revenue, row.currency) : "n/a"}
        about="What its subscriptions say, spread evenly over their days." note={row.plan ?? "no subscription"} />
      <Figure name="Cost" colour="cost" answer={answer} value={money(row.effective_cost, row.currency)} estimated={unsure}
        about="Its part of the bill's effective cost. All tenants' parts sum to the bill exactly." delta={delta(row.effective_cost, row.cost_before, "neither")} />
      <Figure name="Margin" colour="margin" answer={answer} value={sold ? money(row.margin, row.currency) : "n/a"} about="Revenue less cost."
        delta={sold ? delta(row.margin, row.margin_before, "up") : "no subscriptions known"} />
      <Figure name="Margin %" colour="margin" answer={answer} value={ratio(row.margin_ratio)}
        about={row.margin_ratio === null ? "There is no revenue in this currency, so there is no ratio." : "Margin as a part of revenue."}
        note={row.margin_ratio === null ? "no revenue in this currency" : row.margin_ratio < 0 ? <Chip mood="bad" title="costs more than it pays">at a loss</Chip> : "of revenue"} />
    </Grid>
  );
}

function Months({ rows, currency }: { rows: Row<"overview.months">[]; currency: string }): ReactNode {
  if (rows.length < 2) return <Empty title="One month is no trend">There will be a chart when a second month is there.</Empty>;
  const open = rows.map((row) => !row.whole);
  const spec: Spec = {
    kind: "line",
    title: "Revenue, cost and margin per month",
    unit: currency,
    finding: `Cost went from ${money(rows[0]!.effective_cost, currency)} to ${money(rows.at(-1)!.effective_cost, currency)} a month.`,
    x: rows.map((row) => monthName(row.month)),
    series: [
      { name: "Revenue", hue: "revenue", values: rows.map((row) => row.revenue), open },
      { name: "Cost", hue: "cost", values: rows.map((row) => row.effective_cost), open },
      { name: "Margin", hue: "margin", values: rows.map((row) => row.margin), open },
    ],
  };
  return <Chart spec={spec} height={230} />;
}

const EFFECTS = ["volume", "mix", "price", "driver", "rule", "correction", "other"] as const;
const MEANS: Record<(typeof EFFECTS)[number], string> = {
  volume: "Volume",
  mix: "Mix",
  price: "Price",
  driver: "Driver",
  rule: "Rules",
  correction: "Corrections",
  other: "Unmetered",
};

/** The change against the months compared with, from the one cost to the other. */
function Why(props: { id: string; currency: string; shown: string; before: string | null; ready: boolean }): ReactNode {
  const { id, currency, shown, before, ready } = props;
  const { window, compare } = useChoice();
  const query = useTool("cost_per_tenant.change", { tenant_id: id, window, against: before }, { enabled: ready && before !== null });
  const rows = useMemo(() => inCurrency(query.data?.data ?? [], currency), [query.data, currency]);
  const all = (name: "before" | "after" | (typeof EFFECTS)[number]) => sum(rows.map((row) => row[name]));
  if (ready && before === null) {
    return (
      <Panel title="Why its cost changed">
        <Empty title={compare === "none" ? "No comparison is chosen" : "Nothing to compare with"}>{compare === "none" ? "Choose one above." : "The data does not reach back that far."}</Empty>
      </Panel>
    );
  }
  return (
    <AnswerPanel title="Why its cost changed" query={query} height={300} bare>
      {() => {
        if (rows.length === 0) return <Empty title="Nothing to compare with" />;
        if (!currency) return null;
        const size = (value: string) => Math.abs(numeric(value) ?? 0);
        const effects = EFFECTS.map((name) => [MEANS[name], all(name)] as const).filter(([, value]) => size(value) >= 0.005);
        const largest = [...effects].sort((a, b) => size(b[1]) - size(a[1]))[0];
        const spec: Spec = {
          kind: "steps",
          title: "Why its cost changed",
          unit: currency,
          finding: largest ? `Most of it is ${largest[0].toLowerCase()}: ${money(largest[1], currency, { sign: true })}.` : "It did not change.",
          x: [before ? windowName(before) : "Before", ...effects.map(([name]) => name), windowName(shown)],
          series: [{ name: "Cost", hue: "cost", values: [all("before"), ...effects.map(([, value]) => value), all("after")] }],
        };
        return <Chart spec={spec} height={230} />;
      }}
    </AnswerPanel>
  );
}

/** The six months ahead, with the interval that 4 of 5 come to lie in. */
function Ahead({ id, currency }: { id: string; currency: string }): ReactNode {
  const query = useTool("cost_forecast.forecast", { level: "tenant", key: id, measure: "cost" });
  if (query.error?.status === 404 && !query.data) {
    return (
      <Panel title="Cost ahead">
        <Empty icon="forecasts" title="No forecast for this tenant yet">It needs three whole months with cost, the newest among them.</Empty>
      </Panel>
    );
  }
  return (
    <AnswerPanel title="Cost ahead" query={query} height={220} bare>
      {(answer) => {
        const rows = answer.data.filter((row) => row.currency === currency);
        const [first, last] = [rows[0], rows.at(-1)];
        if (!first || !last) return <Empty title="No forecast in this currency" />;
        const sure = first.lo80 !== null;
        const spec: Spec = {
          kind: "line",
          title: "Cost forecast per month",
          unit: currency,
          finding: `${monthName(last.month)}: ${money(last.mean, currency)}${sure ? `, ${money(last.lo80, currency)} to ${money(last.hi80, currency)} in 4 of 5 cases` : ". It is too early for an interval"}. By ${first.method} from ${first.history} months.`,
          x: rows.map((row) => monthName(row.month)),
          series: [{ name: sure ? "Forecast, with its 80% interval" : "Forecast", hue: "cost", dashed: true, values: rows.map((row) => row.mean), bands: sure ? [{ name: "80%", edges: rows.map((row) => [row.lo80, row.hi80]) }] : undefined }],
        };
        return <Chart spec={spec} height={170} />;
      }}
    </AnswerPanel>
  );
}

function Services({ id, whole }: { id: string; whole: string | undefined }): ReactNode {
  const { window } = useChoice();
  return (
    <ToolPanel name="cost_per_tenant.tenant" title="What its cost is made of" given={{ tenant_id: id, window }} id="made." sort="-cost"
      columns={{ corrects: { extra: true }, reason: { title: "How it is known" }, rung: { title: "Rung" }, confidence: { extra: true } }}
      path={(row) => `/services/${encodeURIComponent(row.service_name)}`}
      above={(rows) => <Check rows={rows} whole={whole} />}
      empty={<Empty title="No cost in this range" />} />
  );
}

/** The parts must be the whole that the pages above show. */
function Check({ rows, whole }: { rows: Row<"cost_per_tenant.tenant">[]; whole: string | undefined }): ReactNode {
  const lines = sum(rows.map((row) => row.cost));
  const currency = rows[0]!.currency;
  const off = whole === undefined ? "0" : sum([lines, `-${whole}`.replace("--", "")]);
  if (off === "0") {
    return (
      <p style={{ fontSize: 12.5, color: "var(--muted)", marginBottom: 8 }} data-check="sums">
        {counted(rows.length, "line")} {rows.length === 1 ? "sums" : "sum"} to {money(lines, currency)}, the tenant’s cost.
      </p>
    );
  }
  return <Banner>These lines sum to {money(lines, currency)}, {money(off, currency, { sign: true })} off the tenant’s cost of whole months: the range is not made of whole months.</Banner>;
}

function Contract({ id }: { id: string }): ReactNode {
  const query = useTool("tenants.get", { tenant_id: id });
  return (
    <AnswerPanel title="Who it is" query={query} actions={<To path="/explore/tenants" search={{ tool: "get", "a.tenant_id": id }}>All of it</To>}>
      {(answer) => {
        const { tenant, subscriptions, resources, entitlements } = answer.data;
        return (
          <Facts
            facts={[
              ["Id", tenant.tenant_id],
              ["Isolation", tenant.isolation],
              ["Since", tenant.started_on ?? "always"],
              ["Region", tenant.region ?? "not said"],
              ["Seats", tenant.seats ?? "not said"],
              ["Subscriptions", subscriptions.map((one) => `${one.plan}, ${money(one.amount, one.currency)} a ${one.interval}`).join("; ") || "none"],
              ["Resources", String(resources.length)],
              ["Entitlements", String(entitlements.length)],
            ]}
          />
        );
      }}
    </AnswerPanel>
  );
}
