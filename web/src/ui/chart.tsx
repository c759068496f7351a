/** A chart with its title, legend, table and CSV. */

import { useComputedColorScheme } from "@mantine/core";
import { lazy, Suspense, useMemo, useState, type ReactNode } from "react";
import { atMost, columnsOf, valueText, type Series, type Spec } from "../charts/spec";
import { download, toCsv } from "../format/csv";
import css from "./chart.module.css";
import { IconButton } from "./controls";

const Drawing = lazy(() => import("../charts/drawing"));

/** `series` in full for table and CSV; the drawing joins all but the largest. With `said` its finding stands above it already. */
export function Chart({ spec, height = 260, said = false }: { spec: Spec; height?: number; said?: boolean }): ReactNode {
  const [asTable, setAsTable] = useState(false);
  const scheme = useComputedColorScheme("light");
  const drawn = useMemo<Spec>(() => ({ ...spec, series: spec.kind === "steps" ? spec.series : atMost(spec.series) }), [spec]);
  const unit = /^[A-Z]{3}$/.test(spec.unit) ? spec.unit : spec.unit === "ratio" ? "%" : spec.unit;
  return (
    <figure className={css.figure} aria-label={`${spec.title}. ${spec.finding}`}>
      <figcaption className={css.head}>
        <span className={css.title}>
          {spec.title} <span className={css.unit}>{unit}</span>
        </span>
        <span className={css.buttons}>
          <IconButton icon={asTable ? "chart" : "table"} label={asTable ? "View as chart" : "View as table"}
            pressed={asTable} onClick={() => setAsTable(!asTable)} />
          <IconButton icon="download" label={`Download ${spec.title} as CSV`} onClick={() => save(spec)} />
        </span>
      </figcaption>
      {asTable ? (
        <Table spec={spec} />
      ) : (
        <>
          {spec.kind !== "steps" && drawn.series.length > 1 && <Legend series={drawn.series} />}
          <div aria-hidden="true">
            <Suspense fallback={<div style={{ height }} />}>
              <Drawing spec={drawn} height={height} scheme={scheme} />
            </Suspense>
          </div>
          {!said && <p className={css.finding}>{spec.finding}</p>}
        </>
      )}
    </figure>
  );
}

function Legend({ series }: { series: Series[] }): ReactNode {
  return (
    <ul className={css.legend} aria-label="Legend">
      {series.map((one) => (
        <li key={one.name}>
          <span className={css.key} data-dashed={one.dashed} style={{ background: `var(--${one.hue})`, color: `var(--${one.hue})` }} />
          {one.name}
        </li>
      ))}
    </ul>
  );
}

function Table({ spec }: { spec: Spec }): ReactNode {
  const columns = columnsOf(spec);
  return (
    <div className={css.area} tabIndex={0} role="region" aria-label={`${spec.title} as a table`}>
      <table className={css.table}>
        <thead>
          <tr>
            <th scope="col">&nbsp;</th>
            {columns.map((one) => (
              <th key={one.name} scope="col">{one.name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {spec.x.map((name, nth) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              {columns.map((one) => (
                <td key={one.name}>{valueText(one.values[nth], spec.unit)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** As the server said them, to the last digit. */
function save(spec: Spec): void {
  const columns = columnsOf(spec);
  const heads = ["", ...columns.map((one) => one.name)];
  const rows = spec.x.map((name, nth) => [name, ...columns.map((one) => one.values[nth])]);
  download(`${spec.title.toLowerCase().replaceAll(/\W+/g, "-")}.csv`, toCsv(heads, rows));
}

/** A line without axes, for tables. */
export function Spark({ values, hue = "cost" }: { values: number[]; hue?: string }): ReactNode {
  if (values.length < 2) return null;
  const [low, high] = [Math.min(...values, 0), Math.max(...values)];
  const points = values.map(
    (value, nth) => `${(nth / (values.length - 1)) * 62 + 1},${19 - ((value - low) / (high - low || 1)) * 17}`,
  );
  return (
    <svg width="64" height="20" viewBox="0 0 64 20" aria-hidden="true" style={{ display: "block" }}>
      <polyline points={points.join(" ")} fill="none" stroke={`var(--${hue})`} strokeWidth="1.5" />
    </svg>
  );
}
