/** Answers of any tool, shown as their declaration says: rows as a table and a chart, a record as facts and tables. */

import { useMemo, type ReactNode } from "react";
import { useCatalog, type ColumnShown, type Document, type Query, type Tool, type ToolName, useTool, type Arguments, type Row } from "../api/client";
import type { Spec } from "../charts/spec";
import { numeric, type Amount } from "../format/numbers";
import { monthName } from "../format/times";
import { Chart } from "./chart";
import { currencyOf, declared, heading, written, type Column, type Record_ } from "./columns";
import { currencyIn } from "./controls";
import { Lineage } from "./figure";
import { AnswerPanel, Facts, Panel } from "./page";
import { Empty } from "./states";
import { DataTable } from "./table";
import { tenantPath, useChoice } from "./address";

export function useToolShown(capability: string, tool: string): Tool | undefined {
  const catalog = useCatalog();
  return catalog.data?.capabilities.find((one) => one.name === capability)?.tools.find((one) => one.name === tool);
}

/** A known tool's rows as a table in a panel; `columns` changes what is declared, column by column. */
export function ToolPanel<N extends ToolName>(props: {
  name: N;
  title: string;
  note?: ReactNode;
  given?: Arguments;
  columns?: Partial<Record<string, Partial<Column<Row<N>>> | null>>;
  path?: (row: Row<N>) => string | null;
  sort?: string;
  facets?: string[];
  empty?: ReactNode;
  id?: string;
  keep?: (row: Row<N>) => boolean;
  above?: (rows: Row<N>[]) => ReactNode;
  actions?: ReactNode;
  span?: 1 | 2;
}): ReactNode {
  const [capability, tool] = props.name.split(".") as [string, string];
  const { currency } = useChoice();
  const query = useTool(props.name, props.given);
  const shown = useToolShown(capability, tool);
  const columns = useMemo(() => columnsOf(shown, props.columns as never), [shown, props.columns]);
  const all = (query.data?.data ?? []) as Row<N>[];
  const rows = inCurrency(all, currency).filter((row) => !props.keep || props.keep(row));
  // What a tool reads may not be there yet: the empty state says what to bring.
  if (query.error?.status === 404 && props.empty) {
    return (
      <Panel title={props.title} note={props.note ?? shown?.summary} span={props.span}>
        {props.empty}
      </Panel>
    );
  }
  return (
    <AnswerPanel title={props.title} note={props.note ?? shown?.summary} query={query as Query<Document>} span={props.span}
      actions={
        <>
          {props.actions}
          <Lineage name={props.title} about={shown?.summary ?? ""} answer={query.data as Document | undefined} />
        </>
      }>
      {() => (
        <>
          {props.above && rows.length > 0 && props.above(rows)}
          <DataTable name={props.title} id={props.id ?? `${tool}.`} rows={rows as Record_[]} columns={columns} sort={props.sort} facets={props.facets}
            path={props.path as never} empty={props.empty} />
        </>
      )}
    </AnswerPanel>
  );
}

/** Rows of the currency chosen, else of the one with most rows; all rows where they have none. */
export function inCurrency<R>(rows: R[], chosen: string | undefined): R[] {
  if (!rows.some((row) => currencyOf(row))) return rows;
  const priced = rows.map((row) => ({ row, currency: currencyOf(row) }));
  const { now } = currencyIn(priced, chosen, ({ row }) => weight(row as Record_));
  return rows.filter((row) => currencyOf(row) === now);
}

function weight(row: Record_): number {
  for (const name of ["cost", "effective_cost", "net", "after", "mean", "forecast", "ahead", "uncertainty"]) {
    const found = numeric(row[name] as string);
    if (found !== null) return found;
  }
  return 1;
}

function columnsOf(tool: Tool | undefined, changes: Record<string, Partial<Column> | null> = {}): Column[] {
  const found = (tool?.columns ?? []).filter((column) => changes[column.name] !== null && column.name !== "currency");
  const ordered = [...found].sort((a, b) => Number(changes[b.name]?.first ?? false) - Number(changes[a.name]?.first ?? false));
  return ordered.map((column, nth) => ({ ...declared(column, nth), ...changes[column.name] }));
}

/** Any answer. */
export function AnswerView({ answer, tool, id = "" }: { answer: Document; tool: Tool; id?: string }): ReactNode {
  if (tool.shape === "rows") return <Rows name={tool.name} rows={answer.data as Record_[]} columns={tool.columns} id={id} />;
  if (tool.shape === "record") return <Whole record={answer.data as Record_} columns={tool.columns} id={id} />;
  return <pre>{JSON.stringify(answer.data, null, 1)}</pre>;
}

function Whole({ record, columns, id }: { record: Record_; columns: ColumnShown[]; id: string }): ReactNode {
  const plain = columns.filter((column) => !column.inner);
  return (
    <div style={{ display: "grid", gridTemplateColumns: "minmax(0, 1fr)", gap: 18 }}>
      <Facts
        facts={plain.map((column) => [heading(column.name), <Value key={column.name} value={record[column.name]} column={column} record={record} />])}
      />
      {columns
        .filter((column) => column.inner)
        .map((column) => {
          const value = record[column.name];
          if (value === null || value === undefined) return null;
          return (
            <section key={column.name} aria-label={heading(column.name)}>
              <h3 style={{ fontSize: 14, marginBottom: 6 }}>{heading(column.name)}</h3>
              {Array.isArray(value) ? (
                <Rows name={column.name} rows={value as Record_[]} columns={column.inner!} id={`${id}${column.name}.`} />
              ) : (
                <Whole record={value as Record_} columns={column.inner!} id={`${id}${column.name}.`} />
              )}
            </section>
          );
        })}
    </div>
  );
}

function Value({ value, column, record }: { value: unknown; column: ColumnShown; record: Record_ }): ReactNode {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.length ? value.join("; ") : "none";
  if (value === null || value === undefined || value === "") return "none";
  return written(value, declared(column, 1).kind, currencyOf(record));
}

function Rows(props: { name: string; rows: Record_[]; columns: ColumnShown[]; id: string }): ReactNode {
  const { currency } = useChoice();
  const { rows, columns } = props;
  if (rows.length === 0) return <Empty title="No rows">Nothing in this range answers that.</Empty>;
  const several = new Set(rows.map(currencyOf)).size > 1;
  const shown = columns.map(declared).filter((column) => several || column.key !== "currency");
  const spec = chartOf(props.name, inCurrency(rows, currency), columns);
  return (
    <div style={{ display: "grid", gridTemplateColumns: "minmax(0, 1fr)", gap: 14 }}>
      {spec && <Chart spec={spec} height={spec.kind === "ranks" ? Math.min(340, 40 + spec.x.length * 26) : 250} />}
      <div>
        <DataTable name={heading(props.name)} id={props.id} rows={rows} columns={shown}
          path={columns[0]?.name === "tenant_id" ? (row) => tenantPath(String(row.tenant_id)) : undefined} />
      </div>
    </div>
  );
}

const BARS = 10;
const MAIN = ["cost", "effective_cost", "net", "uncertainty", "units", "requests", "margin"];

/** Time and a measure make a line, a dimension and a measure make bars; anything else makes no chart. */
export function chartOf(name: string, rows: Record_[], columns: ColumnShown[]): Spec | null {
  const measures = columns.filter((column) => column.role === "measure" && column.unit !== "ratio");
  const measure = measures.find((column) => MAIN.includes(column.name)) ?? measures[0];
  const time = columns.find((column) => column.role === "time");
  const dimension = columns.find((column) => (column.role === "dimension" || column.role === "key") && column.name !== "currency");
  if (!measure || rows.length < 2) return null;
  const unit = measure.unit === "money" ? currencyOf(rows[0]) : measure.unit === "units" ? "units" : "";
  const about = { unit, title: `${heading(measure.name)} by ${heading((time ?? dimension)?.name ?? "").toLowerCase()}` };
  if (time) {
    const x = [...new Set(rows.map((row) => String(row[time.name])))].sort();
    if (x.length < 2) return null;
    const key = dimension?.name;
    const names = key ? [...new Set(rows.map((row) => String(row[key])))] : [heading(measure.name)];
    const series = names.map((one, nth) => ({
      name: one,
      hue: (names.length === 1 ? "cost" : `cat-${nth % 5}`) as "cost",
      values: x.map((at) => (rows.find((row) => String(row[time.name]) === at && (!key || String(row[key]) === one))?.[measure.name] as Amount) ?? null),
    }));
    return { ...about, kind: "line", x: x.map((at) => (at.endsWith("-01") ? monthName(at) : at)), series, finding: `${heading(name)}: ${names.length} series over ${x.length} points.` };
  }
  if (!dimension) return null;
  const sized = [...rows].sort((a, b) => (numeric(b[measure.name] as string) ?? 0) - (numeric(a[measure.name] as string) ?? 0)).slice(0, BARS);
  const names = sized.map((row) => String(row[dimension.name]));
  if (new Set(names).size < names.length) return null;
  return {
    ...about,
    kind: "ranks",
    x: names,
    series: [{ name: heading(measure.name), hue: measure.unit === "money" ? "cost" : "revenue", values: sized.map((row) => row[measure.name] as Amount) }],
    finding: rows.length > BARS ? `The ${BARS} largest of ${rows.length}.` : `${names[0]} is the largest of ${rows.length}.`,
  };
}
