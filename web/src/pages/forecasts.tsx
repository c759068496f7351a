import { useState, type FormEvent, type ReactNode } from "react";
import { useTool, type Row } from "../api/client";
import type { Edges, Spec } from "../charts/spec";
import { money, numeric, ratio, sum, type Amount } from "../format/numbers";
import { monthEnd, monthName, shiftMonths } from "../format/times";
import { tenantPath, useChoice, useUrl } from "../ui/address";
import { inCurrency, ToolPanel } from "../ui/answers";
import { Chart } from "../ui/chart";
import { Button, Choose, CurrencyOf, Field, Fields } from "../ui/controls";
import { AnswerPanel, AsOf, Chip, Facts, Grid, Page, Panel } from "../ui/page";
import { Empty } from "../ui/states";
import css from "./forecasts.module.css";

const MEASURES = [
  ["cost", "Cost"],
  ["revenue", "Revenue"],
  ["margin", "Margin"],
] as const;
const LEVELS = [
  ["tier", "By tier"],
  ["tenant", "By tenant"],
] as const;

const AMOUNT = /^\d{1,15}(\.\d{1,6})?$/;

type Measure = (typeof MEASURES)[number][0];
type Ahead = Row<"cost_forecast.forecast">;

export function Forecasts(): ReactNode {
  const { currency } = useChoice();
  const [search] = useUrl();
  const measure: Measure = MEASURES.find(([key]) => key === search.measure)?.[0] ?? "cost";
  const budget = measure === "cost" && AMOUNT.test(search.budget ?? "") ? search.budget : undefined;
  const level = search.level === "tenant" ? "tenant" : "tier";
  const ahead = useTool("cost_forecast.forecast", { level: "total", measure });
  if (ahead.error?.status === 404 && !ahead.data) return <Nothing why={ahead.error.detail} hint={ahead.error.hint} />;
  return (
    <Page title="Forecasts" lead={<AsOf answer={ahead.data} newest={ahead.data?.data[0] && lastDay(ahead.data.data[0])} />} actions={
        <>
          <Choose name="measure" label="What to forecast" options={MEASURES} />
          <CurrencyOf rows={ahead.data?.data} weight={(row) => numeric(row.mean) ?? 0} />
        </>
      }>
      <AnswerPanel title="Six months ahead" query={ahead} bare height={360}>
        {(answer) => {
          const rows = inCurrency(answer.data, currency);
          return (
            <>
              <Whole rows={rows} measure={measure} budget={budget} />
              {measure === "cost" && rows[0] && <Budget key={search.budget} currency={rows[0].currency} />}
            </>
          );
        }}
      </AnswerPanel>
      <Scenario measure={measure} />
      <ToolPanel key={level} name="cost_forecast.forecast" title={`Forecast by ${level}`} given={{ level, measure, top: 1000 }} sort="-mean" id="ahead."
        note="The parts sum to the whole above." actions={<Choose name="level" label="Divide" options={LEVELS} />}
        columns={{ level: null, measure: null, key: { title: level === "tier" ? "Tier" : "Tenant" }, month: { kind: "month" }, made_on: { extra: true }, history: { extra: true },
          mean: { title: "Forecast" }, lo80: { title: "Low (80%)" }, hi80: { title: "High (80%)" }, lo95: { title: "Low (95%)", extra: true }, hi95: { title: "High (95%)", extra: true }, note: { extra: true }, owa: { extra: true }, tested: { extra: true }, wape: { title: "Past error" }, cover80: { title: "80% held" } }}
        path={(row) => (level === "tenant" ? tenantPath(row.key) : null)} facets={["month", "key"]} />
      <Grid>
        {measure !== "margin" && <ToolPanel name="cost_forecast.drivers" title="Why it will differ" given={{ measure }} sort="-change" id="why." />}
        <ToolPanel name="cost_forecast.accuracy" title="How past forecasts did" id="past." keep={(row) => row.measure === measure}
          columns={{ measure: null, origin: { extra: true }, owa: { title: "Against naive" }, wape: { title: "Error" }, cover80: { title: "80% held" }, cover95: { title: "95% held" }, tested: { extra: true } }} />
      </Grid>
    </Page>
  );
}

function Nothing({ why, hint }: { why: string; hint: string }): ReactNode {
  return (
    <Page title="Forecasts">
      <Panel title="No forecast yet">
        <Empty icon="forecasts" title={why}>
          {hint}
        </Empty>
      </Panel>
    </Page>
  );
}

function Whole({ rows, measure, budget }: { rows: Ahead[]; measure: Measure; budget: string | undefined }): ReactNode {
  const past = useTool("overview.months");
  const first = rows[0];
  if (!first) return <Empty title="Too little history for this currency">{"Three whole months are the least."}</Empty>;
  const field = measure === "cost" ? "effective_cost" : measure;
  const history = (past.data?.data ?? []).filter((row) => row.currency === first.currency && row.whole && row.month < first.month);
  const joint = history.at(-1);
  const end = rows.at(-1)!;
  const sure = first.lo80 !== null;
  // The lines meet in the last whole month; before it nothing is forecast.
  const joined = <T,>(gap: T, at: (amount: Amount) => T, ahead: (row: Ahead) => T): T[] => [
    ...history.slice(0, -1).map(() => gap),
    ...(joint ? [at(joint[field])] : []),
    ...rows.map(ahead),
  ];
  const edges = (low: "lo80" | "lo95", high: "hi80" | "hi95") => joined<Edges>([null, null], (amount) => [amount, amount], (row) => [row[low], row[high]]);
  const x = [...history, ...rows].map((row) => monthName(row.month));
  const over = budget && rows.find((row) => (numeric(row.mean) ?? 0) > Number(budget));
  const spec: Spec = {
    kind: "line",
    title: `${measure.charAt(0).toUpperCase()}${measure.slice(1)} and its forecast per month`,
    unit: first.currency,
    finding: `${monthName(end.month)}: ${money(end.mean, first.currency)}${sure ? `, between ${money(end.lo80, first.currency)} and ${money(end.hi80, first.currency)} in 8 of 10 cases` : ". It is too early for an interval"}.${budget ? (over ? ` ${monthName(over.month)} is the first month above ${money(budget, first.currency)}.` : ` No month comes above ${money(budget, first.currency)}.`) : ""}`,
    x,
    mark: joint ? { at: monthName(joint.month), text: "forecast from here" } : undefined,
    series: [
      { name: "Actual", hue: measure, values: [...history.map((row) => row[field]), ...rows.map(() => null)] },
      {
        name: sure ? "Forecast, with its 80% and 95% intervals" : "Forecast",
        hue: measure,
        dashed: true,
        values: joined<Amount>(null, (amount) => amount, (row) => row.mean),
        bands: sure ? [{ name: "95%", edges: edges("lo95", "hi95") }, { name: "80%", edges: edges("lo80", "hi80") }] : undefined,
      },
      ...(budget ? [{ name: "Budget", hue: "muted" as const, plain: true, values: x.map(() => budget) }] : []),
    ],
  };
  return (
    <>
      <Chart spec={spec} height={280} />
      <div style={{ marginTop: 12 }}>
        <Facts
          facts={[
            ["Method", first.method],
            ["Data to", lastDay(first)],
            ["Months of history", String(first.history)],
            ["Error of past forecasts", first.wape === null ? "not tested yet" : ratio(first.wape)],
            ["80% interval held", first.cover80 === null ? "not tested yet" : <Chip key="held" mood={(first.cover80 ?? 0) >= 0.7 ? "good" : "warn"}>{ratio(first.cover80)}</Chip>],
            ...(first.note ? ([["Note", first.note]] as [string, ReactNode][]) : []),
          ]}
        />
      </div>
    </>
  );
}

/** A forecast is made the day after the last month that it knows. */
function lastDay(row: Ahead): string {
  return monthEnd(shiftMonths(row.made_on, -1));
}

/** What may be spent a month, kept in the address; the chart shows it as a line. */
function Budget({ currency }: { currency: string }): ReactNode {
  const [search, set] = useUrl();
  const [text, setText] = useState(search.budget ?? "");
  const good = text === "" || AMOUNT.test(text);
  return (
    <form className={css.budget} onSubmit={(event) => {
      event.preventDefault();
      if (good) set({ budget: text || undefined });
    }}>
      <label>
        Budget, {currency} / month{" "}
        <input value={text} onChange={(event) => setText(event.target.value)} inputMode="decimal" placeholder="none" aria-invalid={!good} maxLength={20} />
      </label>
      <Button type="submit" size="compact-sm" variant="default" disabled={!good}>
        Draw
      </Button>
    </form>
  );
}

const KNOBS = [
  ["tenants", "More tenants, %"],
  ["price", "Price, %"],
  ["unit_cost", "Cost of a unit, %"],
  ["leaver", "Who leaves"],
] as const;

/** What if: kept in the address, so that a scenario can be sent to somebody. */
function Scenario({ measure }: { measure: Measure }): ReactNode {
  const { currency } = useChoice();
  const [search, set] = useUrl();
  const given = Object.fromEntries(KNOBS.map(([key]) => [key, search[`if.${key}`]]));
  const asked = Object.values(given).some(Boolean);
  const query = useTool("cost_forecast.scenario", given, { enabled: asked });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    set(Object.fromEntries(KNOBS.map(([key]) => [`if.${key}`, String(data.get(key) ?? "") || undefined])));
  };
  return (
    <Panel title="What if" note="Arithmetic on the forecast: it does not guess who leaves because of a price.">
      <Fields submit={submit}>
        {KNOBS.map(([key, label]) => (
          <Field key={key} label={label}>
            <input name={key} defaultValue={given[key] ?? ""} key={given[key]} placeholder={key === "leaver" ? "nobody" : "0"} inputMode={key === "leaver" ? "text" : "decimal"} />
          </Field>
        ))}
        <div style={{ display: "flex", gap: 8 }}>
          <Button type="submit" size="compact-md">
            Show
          </Button>
          {asked && (
            <Button size="compact-md" variant="default" onClick={() => set(Object.fromEntries(KNOBS.map(([key]) => [`if.${key}`, undefined])))}>
              Clear
            </Button>
          )}
        </div>
      </Fields>
      {asked && (
        <div style={{ marginTop: 14 }}>
          <AnswerPanel title="Scenario" query={query} bare height={240}>
            {(answer) => {
              const rows = inCurrency(answer.data, currency).filter((row) => row.measure === measure);
              if (rows.length === 0) return <Empty title="Nothing is forecast for this" />;
              const effect = sum(rows.map((row) => row.effect));
              const spec: Spec = {
                kind: "line",
                title: `Scenario: ${measure} per month`,
                unit: rows[0]!.currency,
                finding: `Over ${rows.length} months it comes to ${money(effect, rows[0]!.currency, { sign: true })}.`,
                x: rows.map((row) => monthName(row.month)),
                series: [
                  { name: "Forecast", hue: "muted", dashed: true, values: rows.map((row) => row.forecast) },
                  { name: "Scenario, with its 80% interval", hue: measure, dashed: true, values: rows.map((row) => row.scenario), bands: [{ name: "80%", edges: rows.map((row) => [row.lo80, row.hi80]) }] },
                ],
              };
              return <Chart spec={spec} height={220} />;
            }}
          </AnswerPanel>
        </div>
      )}
    </Panel>
  );
}
