/** Our own small chart specification, and what ECharts is told for it. Never raw options from elsewhere. */

import { money, numeric, quantity, ratio, shortMoney, type Amount } from "../format/numbers";

export type Hue = "revenue" | "cost" | "margin" | "risk" | "muted" | "brand" | `cat-${0 | 1 | 2 | 3 | 4 | 5}`;

export type Edges = [Amount, Amount];

export interface Series {
  name: string;
  /** As the server said them: exact in tables and files, rounded by the drawing alone. */
  values: Amount[];
  hue: Hue;
  dashed?: boolean;
  /** A level rather than months: no points. */
  plain?: boolean;
  /** Lower and upper edges around the values, the widest first. */
  bands?: { name: string; edges: Edges[] }[];
  /** Points that are not final: hollow. */
  open?: boolean[];
}

export interface Spec {
  kind: "line" | "bar" | "stack" | "ranks" | "steps";
  title: string;
  /** What the chart shows, as a sentence. */
  finding: string;
  x: string[];
  series: Series[];
  unit: string;
  /** Names this place on the x axis, such as "today". */
  mark?: { at: string; text: string };
}

export type Colours = (name: string) => string;

const MOST = 5;
const FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

/** At most five series; the smaller rest is summed as "Other". */
export function atMost(series: Series[], most = MOST): Series[] {
  if (series.length <= most + 1) return series;
  const size = (one: Series) => one.values.reduce<number>((sum, value) => sum + Math.abs(numeric(value) ?? 0), 0);
  const ordered = [...series].sort((a, b) => size(b) - size(a));
  const rest = ordered.slice(most);
  const values = (rest[0]?.values ?? []).map((_, nth) => rest.reduce((sum, one) => sum + (numeric(one.values[nth]) ?? 0), 0));
  return [...ordered.slice(0, most), { name: `Other (${rest.length})`, values, hue: "muted" }];
}

/** What a table or file of a chart has: each series, and the edges of its bands beside it. */
export function columnsOf(spec: Spec): { name: string; values: Amount[] }[] {
  return spec.series.flatMap((one) => [
    { name: one.name, values: one.values },
    ...(one.bands ?? []).flatMap(({ name, edges }) => [
      { name: `Low (${name})`, values: edges.map(([low]) => low) },
      { name: `High (${name})`, values: edges.map(([, high]) => high) },
    ]),
  ]);
}

export function valueText(value: Amount, unit: string): string {
  if (value === undefined) return "";
  if (value === null) return "n/a";
  if (unit === "ratio") return ratio(value);
  if (/^[A-Z]{3}$/.test(unit)) return money(value, unit);
  return quantity(value);
}

function axisText(value: number, unit: string): string {
  if (unit === "ratio") return `${Math.round(value * 100)}%`;
  if (/^[A-Z]{3}$/.test(unit)) return shortMoney(value, unit);
  return quantity(value);
}

/** The options of ECharts for a specification. */
export function optionsOf(spec: Spec, colour: Colours): Record<string, unknown> {
  const flat = spec.kind === "ranks";
  const names = {
    type: "category",
    data: spec.x,
    inverse: flat,
    axisLine: { lineStyle: { color: colour("line") } },
    axisTick: { show: false },
    axisLabel: { color: colour("muted"), fontSize: 11.5, ...(flat ? { width: 150, overflow: "truncate" } : { hideOverlap: true }) },
  };
  const values = {
    type: "value",
    scale: false,
    splitNumber: 4,
    axisLabel: { color: colour("muted"), fontSize: 11.5, formatter: (value: number) => axisText(value, spec.unit) },
    splitLine: { lineStyle: { color: colour("line") } },
  };
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    grid: { left: 4, right: flat ? 24 : 14, top: 14, bottom: 8, containLabel: true },
    xAxis: flat ? values : { ...names, boundaryGap: spec.kind !== "line" },
    yAxis: flat ? names : values,
    tooltip: tooltip(spec, colour),
    series: spec.kind === "steps" ? steps(spec, colour) : spec.series.flatMap((one, nth) => drawn(spec, one, nth, colour)),
  };
}

function tooltip(spec: Spec, colour: Colours): Record<string, unknown> {
  return {
    trigger: "axis",
    renderMode: "richText",
    confine: true,
    backgroundColor: colour("panel"),
    borderColor: colour("line"),
    textStyle: { color: colour("text"), fontSize: 12 },
    axisPointer: { type: spec.kind === "line" ? "line" : "shadow", shadowStyle: { color: colour("muted"), opacity: 0.1 } },
    formatter: (points: { dataIndex: number }[] | { dataIndex: number }) => {
      const nth = (Array.isArray(points) ? points[0] : points)?.dataIndex ?? 0;
      const lines = spec.series.map((one) => {
        const edges = one.bands?.at(-1)?.edges[nth];
        const band = edges ? ` (${valueText(edges[0], spec.unit)} to ${valueText(edges[1], spec.unit)})` : "";
        return numeric(one.values[nth]) === null ? null : `${one.name}: ${valueText(one.values[nth], spec.unit)}${band}`;
      });
      return [spec.x[nth], ...lines.filter((line) => line !== null)].join("\n");
    },
  };
}

function drawn(spec: Spec, one: Series, nth: number, colour: Colours): Record<string, unknown>[] {
  const hue = colour(one.hue);
  if (spec.kind !== "line") {
    return [
      {
        name: one.name,
        type: "bar",
        stack: spec.kind === "stack" ? "all" : undefined,
        barMaxWidth: spec.kind === "ranks" ? 16 : 34,
        barGap: "12%",
        itemStyle: { color: hue, borderRadius: spec.kind === "stack" ? 0 : spec.kind === "ranks" ? [0, 3, 3, 0] : [3, 3, 0, 0] },
        data: one.values.map(numeric),
      },
    ];
  }
  const line = {
    name: one.name,
    type: "line",
    showSymbol: one.values.length < 26 && !one.plain,
    symbol: "circle",
    symbolSize: 6,
    lineStyle: { color: hue, width: 2, type: one.dashed ? [5, 4] : "solid" },
    itemStyle: { color: hue },
    z: 3,
    data: one.values.map(numeric).map((value, at) =>
      one.open?.[at] ? { value, itemStyle: { color: colour("panel"), borderColor: hue, borderWidth: 2 }, symbolSize: 8 } : value,
    ),
    ...(nth === 0 && spec.mark ? { markLine: marked(spec.mark, colour) } : {}),
  };
  return [...(one.bands ?? []).flatMap(({ name, edges }) => band(`${one.name} ${name}`, edges, hue)), line];
}

/** Where bands lie over one another, the inner is darker. */
function band(stack: string, said: Edges[], hue: string): Record<string, unknown>[] {
  const quiet = { type: "line", stack, symbol: "none", lineStyle: { opacity: 0 }, silent: true, z: 1 };
  const edges = said.map(([low, high]) => [numeric(low), numeric(high)] as const);
  return [
    { ...quiet, data: edges.map(([low]) => low), stackStrategy: "all" },
    {
      ...quiet,
      stackStrategy: "all",
      areaStyle: { color: hue, opacity: 0.16 },
      data: edges.map(([low, high]) => (low === null || high === null ? null : high - low)),
    },
  ];
}

function marked(mark: { at: string; text: string }, colour: Colours): Record<string, unknown> {
  return {
    symbol: "none",
    silent: true,
    lineStyle: { color: colour("muted"), type: "solid", width: 1 },
    label: { formatter: mark.text, color: colour("muted"), fontSize: 11 },
    data: [{ xAxis: mark.at }],
  };
}

function stepText(value: number, unit: string): string {
  return `${value > 0 ? "+" : ""}${valueText(value, unit)}`;
}

/** A waterfall: the first and last values stand on the axis, those between on the sum so far. */
function steps(spec: Spec, colour: Colours): Record<string, unknown>[] {
  const values = (spec.series[0]?.values ?? []).map(numeric);
  const blocks: { from: number; to: number; whole: boolean }[] = [];
  let level = 0;
  values.forEach((value, nth) => {
    const whole = nth === 0 || nth === values.length - 1;
    const from = whole ? 0 : level;
    const to = whole ? (value ?? 0) : level + (value ?? 0);
    blocks.push({ from, to, whole });
    level = to;
  });
  const shade = (block: { from: number; to: number; whole: boolean }) =>
    colour(block.whole ? "muted" : block.to > block.from ? "cost" : "margin");
  return [
    { type: "bar", stack: "steps", silent: true, itemStyle: { color: "transparent" }, data: blocks.map((b) => Math.min(b.from, b.to)) },
    {
      type: "bar",
      stack: "steps",
      barMaxWidth: 44,
      label: { show: true, position: "top", color: colour("text"), fontSize: 11.5 },
      data: blocks.map((b) => ({
        value: Math.abs(b.to - b.from),
        itemStyle: { color: shade(b), borderRadius: 3 },
        label: { formatter: b.whole ? valueText(b.to, spec.unit) : stepText(b.to - b.from, spec.unit) },
      })),
    },
  ];
}
