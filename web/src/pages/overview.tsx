import { lazy, Suspense, useState, type ReactNode } from "react";
import { useTool, type Document, type Query, type Row, type Schemas } from "../api/client";
import { useHeard, useKnown } from "../api/live";
import type { Edges, Series, Spec } from "../charts/spec";
import { change, count, money, numeric, points, ratio } from "../format/numbers";
import { monthName, windowName } from "../format/times";
import { tenantPath, To, useChoice, useUrl } from "../ui/address";
import { Chart } from "../ui/chart";
import type { Column } from "../ui/columns";
import { CurrencyChoice, currencyIn } from "../ui/controls";
import { Delta, Figure } from "../ui/figure";
import { AnswerPanel, AsOf, Chip, Facts, Grid, Page, Panel } from "../ui/page";
import { Await, Empty, Loading } from "../ui/states";
import { DataTable } from "../ui/table";

const First = lazy(() => import("./bring"));

function Bring(): ReactNode {
  return (
    <Suspense fallback={<Loading />}>
      <First first />
    </Suspense>
  );
}

type Summary = Document<Schemas["Summary"]>;
type Standing = Schemas["Standing"];

export function Overview(): ReactNode {
  const { window, compare, against, currency } = useChoice();
  const summary = useTool("overview.summary", { window, compare, against });
  const months = useTool("overview.months");
  // Another look at an empty lake must not take away the files that somebody has just chosen.
  const [empty, setEmpty] = useState(false);
  const none = summary.error?.status === 404 && !summary.data;
  if (!summary.isPending && empty !== none) setEmpty(none);
  if (empty) return <Bring />;
  const standings = summary.data?.data.standings ?? [];
  const { all, now } = currencyIn(standings, currency, (one) => numeric(one.effective_cost) ?? 0);
  const standing = standings.find((one) => one.currency === now);
  return (
    <Page
      title="Overview"
      lead={
        <>
          {summary.data && `${windowName(summary.data.data.window)} · `}
          <AsOf answer={summary.data} />
        </>
      }
      actions={<CurrencyChoice all={all} now={now} />}
    >
      <Await query={summary} height={110} what="the overview" cards={4}>
        {(answer) => (standing ? <Kpis answer={answer} standing={standing} sold={standings.some((one) => numeric(one.revenue) !== 0)} /> : <Empty title="No cost in this range">Choose another range above.</Empty>)}
      </Await>
      <AnswerPanel title="Month by month" query={months} height={340} bare>
        {(answer) =>
          now ? <Months rows={answer.data.filter((row) => row.currency === now)} currency={now} ahead={summary.data?.data.ahead.filter((row) => row.currency === now) ?? []} /> : summary.isPending && <Loading height={340} />
        }
      </AnswerPanel>
      <Grid columns={3}>
        <Movers query={summary} currency={now} />
        <div style={{ display: "grid", gap: 16, alignContent: "start" }}>
          <Waits />
          <Health query={summary} standing={standing} />
        </div>
      </Grid>
    </Page>
  );
}

/** `sold`: some revenue is known, be it in another currency. */
function Kpis({ answer, standing, sold }: { answer: Summary; standing: Standing; sold: boolean }): ReactNode {
  const before = answer.data.compared_with;
  const period = windowName(answer.data.window);
  const paid = numeric(standing.revenue) !== 0;
  const unpaid = sold ? `no subscription in ${standing.currency}` : "no subscriptions known";
  const against = before ? windowName(before) : undefined;
  const delta = (now: string, was: string | null | undefined, good: "up" | "down" | "neither") =>
    was === null || was === undefined ? undefined : (
      <Delta text={change(now, was)} by={(numeric(now) ?? 0) - (numeric(was) ?? 0)} good={good} against={against} />
    );
  const unsure = standing.confidence !== null && standing.confidence < 0.8;
  const estimated = unsure
    ? `Only ${ratio(standing.confidence)} of the cost is known by the bill or by a meter; the rest is shared by weaker drivers.`
    : undefined;
  return (
    <Grid columns={4}>
      <Figure name="Revenue" colour="revenue" answer={answer} period={period} value={paid ? money(standing.revenue, standing.currency) : "n/a"}
        about={paid ? "What subscriptions say, spread evenly over their days." : "No subscription is known in this currency: bring a subscriptions table, and margins follow."}
        delta={paid ? delta(standing.revenue, standing.revenue_before, "up") : <To path="/bring">{unpaid}</To>} />
      <Figure name="Cost" period={period} colour="cost" answer={answer} value={money(standing.effective_cost, standing.currency)}
        about="Effective cost of the bill: amortised, after discounts. It sums to the bill exactly." path="/services"
        delta={delta(standing.effective_cost, standing.cost_before, "neither")} />
      <Figure name="Margin" period={period} colour="margin" answer={answer} value={standing.margin_ratio === null ? "n/a" : ratio(standing.margin_ratio)}
        about={standing.margin_ratio === null ? "There is no revenue in this currency, so there is no ratio." : `Revenue less cost, ${money(standing.margin, standing.currency)}, as a part of revenue.`}
        delta={
          !paid ? (
            "no revenue to compare with"
          ) : standing.ratio_before === null || standing.margin_ratio === null ? (
            `${money(standing.margin, standing.currency)}`
          ) : (
            <Delta text={points(standing.margin_ratio, standing.ratio_before)} by={standing.margin_ratio - standing.ratio_before} good="up" against={against} />
          )
        } />
      <Figure name="Tenants at a loss" period={period} colour="risk" answer={answer} value={sold ? count(standing.losing) : "n/a"} path="/tenants" estimated={sold ? estimated : undefined}
        about="Tenants whose cost is more than what they pay in this currency. Those who pay in another currency only are not judged."
        delta={
          standing.losing_before === null || !sold ? (
            `of ${count(standing.tenants)}`
          ) : (
            <Delta text={`of ${count(standing.tenants)}, ${count(standing.losing_before)} before`} by={standing.losing - standing.losing_before} good="down" />
          )
        } />
    </Grid>
  );
}

function Months(props: { rows: Row<"overview.months">[]; ahead: Schemas["MonthAhead"][]; currency: string }): ReactNode {
  const { rows, currency } = props;
  if (rows.length === 0) return <Empty title="No month has cost in this currency" />;
  const open = rows.map((row) => !row.whole);
  const whole = rows.filter((row) => row.whole);
  // The forecast goes on from the last whole month, also where the month it is of has begun.
  const ahead = props.ahead.filter((row) => row.month > (whole.at(-1)?.month ?? ""));
  const months = [...new Set([...rows, ...ahead].map((row) => row.month))].sort();
  const joint = whole.at(-1);
  const said = new Map(ahead.map((row) => [row.month, row]));
  const end = ahead.at(-1);
  const [first, last] = [rows[0]!, rows.at(-1)!];
  const sold = rows.some((row) => numeric(row.revenue) !== 0);
  const spec: Spec = {
    kind: "line",
    title: sold ? "Revenue, cost and margin per month" : "Cost per month",
    unit: currency,
    finding:
      rows.length > 1
        ? `${end ? `${monthName(end.month)} is forecast to cost ${money(end.mean, currency)}${end.lo80 === null ? "" : `, ${money(end.lo80, currency)} to ${money(end.hi80, currency)} in 4 of 5 cases`}. ` : ""}Cost went from ${money(first.effective_cost, currency)} in ${monthName(first.month)} to ${money(last.effective_cost, currency)} in ${monthName(last.month)}${sold ? `; margin is ${ratio(last.margin_ratio)} of revenue` : ""}.${open.at(-1) ? " Hollow points: the month is not over." : ""}`
        : `One month so far: ${monthName(first.month)}.`,
    x: months.map(monthName),
    mark: end && joint ? { at: monthName(joint.month), text: "forecast from here" } : undefined,
    series: [
      ...(sold ? [{ name: "Revenue", hue: "revenue" as const, values: rows.map((row) => row.revenue), open }] : []),
      { name: "Cost", hue: "cost", values: rows.map((row) => row.effective_cost), open },
      ...(sold ? [{ name: "Margin", hue: "margin" as const, values: rows.map((row) => row.margin), open }] : []),
      ...(end ? [forecast(months, said, joint)] : []),
    ],
  };
  return <Chart spec={spec} height={270} />;
}

/** Begins at the last whole month, so that the lines meet. */
function forecast(months: string[], said: Map<string, Schemas["MonthAhead"]>, joint: Row<"overview.months"> | undefined): Series {
  const known = joint?.effective_cost;
  return {
    name: "Cost forecast, with its 80% interval",
    hue: "cost",
    dashed: true,
    values: months.map((month) => (month === joint?.month ? known : said.get(month)?.mean) ?? null),
    bands: [{ name: "80%", edges: months.map((month): Edges => (month === joint?.month ? [known, known] : [said.get(month)?.lo80 ?? null, said.get(month)?.hi80 ?? null])) }],
  };
}

const MOVERS: Column<Schemas["TenantStanding"]>[] = [
  { key: "tenant_id", title: "Tenant", show: (row) => row.name ?? row.tenant_id, phone: true },
  { key: "tier", title: "Tier" },
  { key: "cost_before", title: "Before", kind: "money" },
  { key: "effective_cost", title: "Cost", kind: "money", phone: true },
  { key: "cost_change", title: "Change", kind: "change", phone: true },
  { key: "margin", title: "Margin", kind: "money" },
];

function Movers({ query, currency }: { query: Query<Summary>; currency: string }): ReactNode {
  const [search] = useUrl();
  return (
    <AnswerPanel title="Largest changes of cost" query={query} span={2}
      note={query.data?.data.compared_with ? `Against ${windowName(query.data.data.compared_with)}` : undefined}>
      {(answer) => (
        <DataTable name="Largest changes of cost" id="m." filter={false} columns={MOVERS} path={(row) => tenantPath(row.tenant_id)}
          rows={answer.data.movers.filter((row) => row.currency === currency)} rowKey={(row) => row.tenant_id}
          empty={
            answer.data.compared_with ? <Empty icon="check" title="No cost changed" /> :
            <Empty title={search.compare === "none" ? "No comparison is chosen" : "Nothing to compare with"}>{search.compare === "none" ? "Choose one above." : "The data does not reach back that far."}</Empty>
          } />
      )}
    </AnswerPanel>
  );
}

/** What waits for a person, as the server tells it. */
function Waits(): ReactNode {
  const waiting = Object.keys(useKnown("decisions")).length;
  const heard = useHeard("decisions");
  return (
    <Panel title="Decisions" actions={<To path="/decisions">Open</To>}>
      <p role="status">{!heard ? "\u00a0" : waiting === 0 ? "Nothing waits for a person." : `${count(waiting)} ${waiting === 1 ? "waits" : "wait"} for a person.`}</p>
    </Panel>
  );
}

function Health({ query, standing }: { query: Query<Summary>; standing: Standing | undefined }): ReactNode {
  return (
    <Panel title="Data health" actions={<To path="/health">Details</To>}>
      <Await query={query} height={120}>
        {(answer) => {
          const came = answer.data.arrivals;
          return (
            <Facts
              facts={[
                ["Cost with a tenant’s name", standing ? <Chip mood={(standing.named ?? 0) > 0.9 ? "good" : "warn"}>{ratio(standing.named)}</Chip> : "n/a"],
                ["Known by bill or meter", standing ? <Chip mood={(standing.confidence ?? 0) > 0.8 ? "good" : "warn"}>{ratio(standing.confidence)}</Chip> : "n/a"],
                ...(came
                  ? ([
                      ["Rows taken in", count(came.accepted)],
                      ["Rows quarantined", came.quarantined ? <To path="/health">{count(came.quarantined)}</To> : "none"],
                      ["Newest delivery", came.newest ? <AsOfTime time={came.newest} /> : "none"],
                    ] as [string, ReactNode][])
                  : []),
              ]}
            />
          );
        }}
      </Await>
    </Panel>
  );
}

function AsOfTime({ time }: { time: string }): ReactNode {
  return <time dateTime={time}>{time.slice(0, 10)}</time>;
}
