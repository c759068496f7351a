import type { FormEvent, ReactNode } from "react";
import { useTool, type Row } from "../api/client";
import type { Spec } from "../charts/spec";
import { money, numeric, ratio } from "../format/numbers";
import { monthName } from "../format/times";
import { tenantPath, useChoice, useUrl } from "../ui/address";
import { inCurrency, ToolPanel } from "../ui/answers";
import { Chart } from "../ui/chart";
import { Button, Choose, CurrencyOf, Field, Fields } from "../ui/controls";
import { AnswerPanel, AsOf, Chip, Facts, Grid, Page, Panel } from "../ui/page";
import { Empty } from "../ui/states";

const MEASURES = [
  ["cost", "Cost"],
  ["revenue", "Revenue"],
  ["margin", "Margin"],
] as const;
const LEVELS = [
  ["tier", "By tier"],
  ["tenant", "By tenant"],
] as const;

type Measure = (typeof MEASURES)[number][0];
type Ahead = Row<"cost_forecast.forecast">;

export function Forecasts(): ReactNode {
  const { currency } = useChoice();
  const [search] = useUrl();
  const measure: Measure = MEASURES.find(([key]) => key === search.measure)?.[0] ?? "cost";
  const level = search.level === "tenant" ? "tenant" : "tier";
  const ahead = useTool("cost_forecast.forecast", { level: "total", measure });
  if (ahead.error?.status === 404 && !ahead.data) return <Nothing why={ahead.error.detail} hint={ahead.error.hint} />;
  return (
    <Page title="Forecasts" lead={<AsOf answer={ahead.data} />} actions={
        <>
          <Choose name="measure" label="What to forecast" options={MEASURES} />
          <CurrencyOf rows={ahead.data?.data} weight={(row) => numeric(row.mean) ?? 0} />
        </>
      }>
      <AnswerPanel title="Six months ahead" query={ahead} bare height={360}>
        {(answer) => <Whole rows={inCurrency(answer.data, currency)} measure={measure} />}
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

function Whole({ rows, measure }: { rows: Ahead[]; measure: Measure }): ReactNode {
  const past = useTool("overview.months");
  const first = rows[0];
  if (!first) return <Empty title="Too little history for this currency">{"Three whole months are the least."}</Empty>;
  const field = measure === "cost" ? "effective_cost" : measure;
  const history = (past.data?.data ?? []).filter((row) => row.currency === first.currency && row.whole && row.month < first.month);
  const last = numeric(history.at(-1)?.[field]);
  const x = [...history.map((row) => row.month), ...rows.map((row) => row.month)].map(monthName);
  const gap = history.map(() => null);
  const end = rows.at(-1)!;
  const spec: Spec = {
    kind: "line",
    title: `${measure.charAt(0).toUpperCase()}${measure.slice(1)} and its forecast per month`,
    unit: first.currency,
    finding: `${monthName(end.month)}: ${money(end.mean, first.currency)}, between ${money(end.lo80, first.currency)} and ${money(end.hi80, first.currency)} in 8 of 10 cases.`,
    x,
    mark: history.length ? { at: monthName(history.at(-1)!.month), text: "made here" } : undefined,
    series: [
      { name: "Actual", hue: measure, values: [...history.map((row) => numeric(row[field])), ...rows.map(() => null)] },
      {
        name: "Forecast, with its 80% interval",
        hue: measure,
        dashed: true,
        values: [...gap.slice(0, -1), ...(history.length ? [last] : []), ...rows.map((row) => numeric(row.mean))],
        band: [...gap.slice(0, -1).map((): [null, null] => [null, null]), ...(history.length ? [[last, last] as [number | null, number | null]] : []), ...rows.map((row): [number | null, number | null] => [numeric(row.lo80), numeric(row.hi80)])],
      },
    ],
  };
  return (
    <>
      <Chart spec={spec} height={280} />
      <div style={{ marginTop: 12 }}>
        <Facts
          facts={[
            ["Method", first.method],
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
              const effect = rows.reduce((sum, row) => sum + (numeric(row.effect) ?? 0), 0);
              const spec: Spec = {
                kind: "line",
                title: `Scenario: ${measure} per month`,
                unit: rows[0]!.currency,
                finding: `Over ${rows.length} months it comes to ${money(effect, rows[0]!.currency, { sign: true })}.`,
                x: rows.map((row) => monthName(row.month)),
                series: [
                  { name: "Forecast", hue: "muted", dashed: true, values: rows.map((row) => numeric(row.forecast)) },
                  { name: "Scenario, with its 80% interval", hue: measure, dashed: true, values: rows.map((row) => numeric(row.scenario)), band: rows.map((row) => [numeric(row.lo80), numeric(row.hi80)]) },
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
