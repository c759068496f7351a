/** A table: sorted, filtered and cut to columns by the address; CSV of exactly what is on the screen. */

import { Popover } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useVirtualizer } from "@tanstack/react-virtual";
import { memo, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type MouseEvent, type ReactNode } from "react";
import { download } from "../format/csv";
import { count } from "../format/numbers";
import { momentUtc } from "../format/times";
import { To, useGo, useHref, useUrl } from "./address";
import { currencyOf, isNumber, written, type Column, type Record_ } from "./columns";
import { IconButton, Select } from "./controls";
import { Icon } from "./icons";
import { setCompact, useCompact } from "./density";
import { later } from "./later";
import { arranged, csvOf } from "./rows";
import { Empty } from "./states";
import css from "./table.module.css";

const Drawer = later(() => import("./drawer"));

const ANY: Record<string, string> = { What: "Anything", Who: "Anybody", "Decided by": "Decided by anybody", "Came by": "Any door" };
const LONG = 60;
const MANY = 200;
const ROW = 33;
const COMPACT_ROW = 29;

export interface TableProps<R> {
  name: string;
  rows: readonly R[];
  columns: Column<R>[];
  rowKey?: (row: R, nth: number) => string;
  /** Where a row leads; its first column is the link. */
  path?: (row: R) => string | null;
  /** Before all parameters of this table in the address, where a page has several. */
  id?: string;
  /** Columns whose values can be chosen. */
  facets?: string[];
  sort?: string;
  filter?: boolean;
  empty?: ReactNode;
  tools?: ReactNode;
  /** Some column is still to come: a file would lack it. */
  coming?: boolean;
}

export function DataTable<R>(props: TableProps<R>): ReactNode {
  const { name, rows, columns, id = "", coming = false } = props;
  const [search, setUrl] = useUrl();
  const phone = useMediaQuery("(max-width: 767px)") ?? false;
  const compact = useCompact();
  const [open, setOpen] = useState<R | null>(null);

  const sort = search[`${id}sort`] ?? props.sort ?? "";
  const needle = search[`${id}q`] ?? "";
  const hidden = hiddenColumns(columns, search[`${id}cols`]);
  const facets = props.facets ?? [];
  const chosen = Object.fromEntries(facets.map((key) => [key, search[`${id}f.${key}`] ?? ""]));

  const shown = useMemo(
    () => arranged(rows, columns, sort, needle, chosen),
    [rows, columns, sort, needle, JSON.stringify(chosen)],
  );
  const visible = columns.filter((column) => !hidden.has(column.key));
  const fitting = phone ? visible.filter((column, nth) => nth === 0 || column.phone) : visible;
  const filtered = needle !== "" || Object.values(chosen).some(Boolean);

  const setColumns = (key: string, on: boolean) => {
    const next = new Set(hidden);
    if (on) next.delete(key);
    else next.add(key);
    setUrl({ [`${id}cols`]: columns.filter((c) => !next.has(c.key)).map((c) => c.key).join(",") });
  };
  const clear = () =>
    setUrl({ [`${id}q`]: undefined, ...Object.fromEntries(facets.map((key) => [`${id}f.${key}`, undefined])) });

  if (rows.length === 0) return props.empty ?? <Empty title="No rows" />;
  return (
    <div className={css.whole} aria-busy={coming}>
      <div className={css.bar}>
        {props.filter !== false && rows.length > 3 && (
          <Filter name={name} value={needle} change={(text) => setUrl({ [`${id}q`]: text || undefined })} />
        )}
        {facets.map((key) => (
          <Facet key={key} title={columns.find((c) => c.key === key)?.title ?? key} rows={rows as Record_[]} field={key}
            value={chosen[key] ?? ""} choose={(value) => setUrl({ [`${id}f.${key}`]: value || undefined })} />
        ))}
        <span className={css.count} role="status">
          {filtered ? `${count(shown.length)} of ${count(rows.length)}` : `${count(rows.length)} ${rows.length === 1 ? "row" : "rows"}`}
        </span>
        <span className={css.grow} />
        {props.tools}
        {columns.length > 4 && (
          <Popover withinPortal position="bottom-end" shadow="md" trapFocus returnFocus>
            <Popover.Target>
              <IconButton icon="columns" label={`Columns of ${name}`} />
            </Popover.Target>
            <Popover.Dropdown className={css.columns} aria-label={`Columns of ${name}`}>
              {columns.slice(1).map((column) => (
                <label key={column.key}>
                  <input type="checkbox" checked={!hidden.has(column.key)} onChange={(event) => setColumns(column.key, event.target.checked)} />
                  {column.title}
                </label>
              ))}
              {!phone && (
                <label className={css.density}>
                  <input type="checkbox" checked={compact} onChange={(event) => setCompact(event.target.checked)} />
                  Compact rows, in all tables
                </label>
              )}
            </Popover.Dropdown>
          </Popover>
        )}
        <IconButton
          icon="download"
          label={`Download ${name} as CSV`}
          disabled={coming}
          onClick={() => download(`${name.toLowerCase().replaceAll(/\W+/g, "-")}.csv`, csvOf(shown, visible))}
        />
      </div>
      {shown.length === 0 ? (
        <Empty title={needle ? `Nothing matches \u201c${needle}\u201d` : "Nothing matches the filters"}>
          <button type="button" className={css.clear} onClick={clear}>
            Clear filters
          </button>
        </Empty>
      ) : (
        <Body {...props} rows={shown} columns={fitting} sort={sort} phone={phone} height={phone ? 44 : compact ? COMPACT_ROW : ROW} open={setOpen}
          order={(next) => setUrl({ [`${id}sort`]: next })} />
      )}
      <Drawer below opened={open !== null} close={() => setOpen(null)}
        title={open ? written((open as Record_)[columns[0]!.key], columns[0]!.kind) : ""}>
        {open && <Sheet row={open} columns={columns} path={props.path?.(open) ?? null} />}
      </Drawer>
    </div>
  );
}

function hiddenColumns<R>(columns: Column<R>[], chosen: string | undefined): Set<string> {
  if (!chosen) return new Set(columns.filter((c) => c.extra).map((c) => c.key));
  const kept = chosen.split(",");
  return new Set(columns.filter((c, nth) => nth > 0 && !kept.includes(c.key)).map((c) => c.key));
}

/** What is typed stands there at once; the address follows. */
function Filter(props: { name: string; value: string; change: (text: string) => void }): ReactNode {
  const [text, setText] = useState(props.value);
  const [known, setKnown] = useState(props.value);
  if (props.value !== known) {
    setKnown(props.value);
    // The address was changed by something else, such as "Clear filters".
    if (document.activeElement?.getAttribute("data-filter") === null || props.value === "") setText(props.value);
  }
  return (
    <input type="search" className={css.filter} placeholder="Filter" aria-label={`Filter ${props.name}`} data-filter="" value={text}
      onChange={(event) => {
        setText(event.target.value);
        props.change(event.target.value);
      }} />
  );
}

function Facet(props: {
  title: string;
  rows: Record_[];
  field: string;
  value: string;
  choose: (value: string) => void;
}): ReactNode {
  const options = useMemo(
    () => [...new Set(props.rows.map((row) => String(row[props.field] ?? "")))].filter(Boolean).sort(),
    [props.rows, props.field],
  );
  if (options.length < 2) return null;
  return (
    <Select label={props.title} value={props.value} choose={props.choose}
      options={[["", ANY[props.title] ?? `Any ${props.title.toLowerCase()}`], ...options.map((value): [string, string] => [value, value])]} />
  );
}

function Body<R>(
  props: TableProps<R> & { phone: boolean; height: number; open: (row: R) => void; order: (sort: string) => void; sort: string },
): ReactNode {
  const { rows, columns, name, phone, height } = props;
  const area = useRef<HTMLDivElement>(null);
  const hrefOf = useHref();
  const go = useGo();
  const many = rows.length > MANY;
  const virtual = useVirtualizer({
    count: many ? rows.length : 0,
    getScrollElement: () => area.current,
    estimateSize: () => height,
    overscan: 12,
  });
  useLayoutEffect(() => virtual.measure(), [virtual, height]);
  const items = many ? virtual.getVirtualItems() : rows.map((_, index) => ({ index, start: 0, end: 0 }));
  const before = many ? (items[0]?.start ?? 0) : 0;
  const after = many ? virtual.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;
  const span = columns.length + (phone ? 1 : 0);
  // Headings alone, before the first rows are there, say nothing of widths.
  const widths = useWidths(area, many && items.length > 0 ? `${phone} ${columns.map((column) => column.key).join()}` : "");
  // One listener for all rows: thousands of links that know the router would make scrolling slow.
  const opened = (event: MouseEvent | KeyboardEvent, place: HTMLElement | null) => {
    const path = place?.dataset.path;
    if (!path || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(path);
  };
  return (
    <div ref={area} className={css.area} data-many={many} tabIndex={0} role="region" aria-label={`Table: ${name}`}>
      <table className={css.table} aria-rowcount={rows.length} style={widths ? { tableLayout: "fixed", minWidth: widths.all } : undefined}>
        {widths && (
          <colgroup>
            {widths.parts.map((part, nth) => (
              <col key={nth} style={{ width: `${part * 100}%` }} />
            ))}
          </colgroup>
        )}
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.key} column={column} sort={props.sort} order={props.order} />
            ))}
            {phone && (
              <th scope="col" className={css.more}>
                <span className={css.hidden}>More</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody
          onClick={(event) => opened(event, (event.target as HTMLElement).closest("a[data-path]"))}
          onKeyDown={(event) => {
            const target = event.target as HTMLElement;
            if (event.key === "Enter" && target.matches("tr")) opened(event, target);
          }}
        >
          {before > 0 && <tr aria-hidden="true"><td colSpan={span} style={{ height: before, padding: 0 }} /></tr>}
          {items.map(({ index }) => {
            const row = rows[index]!;
            const path = props.path?.(row) ?? null;
            return (
              <Line key={props.rowKey?.(row, index) ?? index} row={row} columns={columns as Column<unknown>[]} nth={index} path={path}
                href={path && hrefOf(path)} more={phone ? (props.open as (row: unknown) => void) : undefined} />
            );
          })}
          {after > 0 && <tr aria-hidden="true"><td colSpan={span} style={{ height: after, padding: 0 }} /></tr>}
        </tbody>
      </table>
    </div>
  );
}

interface Widths {
  of: string;
  /** Pixels that all columns take where they do not fit. */
  all: number | undefined;
  parts: number[];
}

/** How wide each column was for the first rows: it stays so while others come in sight. Of nothing, nothing. */
function useWidths(area: { current: HTMLElement | null }, of: string): Widths | null {
  const [known, setKnown] = useState<Widths | null>(null);
  useLayoutEffect(() => {
    const table = area.current?.querySelector("table");
    if (!of || !table) return;
    const all = table.offsetWidth;
    const heads = [...table.querySelectorAll<HTMLElement>("thead th")];
    setKnown({ of, all: all > area.current!.clientWidth ? all : undefined, parts: heads.map((head) => head.offsetWidth / all) });
  }, [of, area]);
  return known?.of === of ? known : null;
}

function Head<R>(props: { column: Column<R>; sort: string; order: (sort: string) => void }): ReactNode {
  const { column, sort } = props;
  // What is done with a row is no order of rows.
  if (!column.title) {
    return (
      <th scope="col" className={css.more}>
        <span className={css.hidden}>Actions</span>
      </th>
    );
  }
  const state = sort === column.key ? "ascending" : sort === `-${column.key}` ? "descending" : "none";
  const first = isNumber(column.kind) ? `-${column.key}` : column.key;
  const next = state === "none" ? first : state === "ascending" ? `-${column.key}` : column.key;
  return (
    <th scope="col" aria-sort={state} data-number={isNumber(column.kind)}>
      <button type="button" onClick={() => props.order(next)} title={column.about}>
        {column.title}
        <span className={css.arrow} data-state={state} aria-hidden="true">
          <Icon name={state === "ascending" ? "up" : "down"} size={11} />
        </span>
      </button>
    </th>
  );
}

const Line = memo(function Line(props: {
  row: unknown;
  columns: Column<unknown>[];
  nth: number;
  path: string | null;
  href: string | null;
  more?: (row: unknown) => void;
}): ReactNode {
  const { row, columns, path, href } = props;
  return (
    <tr data-row tabIndex={-1} aria-rowindex={props.nth + 1} data-path={path ?? undefined}>
      {columns.map((column, nth) => {
        const content = shownCell(row, column);
        return (
          <td key={column.key} data-number={isNumber(column.kind)}>
            {nth === 0 && path ? (
              <a href={href!} data-path={path} title={typeof content === "string" && content.length > LONG ? content : undefined}>
                {content}
              </a>
            ) : (
              content
            )}
          </td>
        );
      })}
      {props.more && (
        <td className={css.more}>
          <button type="button" className={css.all} aria-label="All columns" onClick={() => props.more?.(row)}>
            <Icon name="right" size={17} />
          </button>
        </td>
      )}
    </tr>
  );
});

function shownCell<R>(row: R, column: Column<R>): ReactNode {
  if (column.show) return column.show(row);
  const value = (row as Record_)[column.key];
  const text = written(value, column.kind, currencyOf(row));
  return column.kind === "moment" && text ? <time dateTime={String(value)} title={momentUtc(String(value))}>{text}</time> : text;
}

function Sheet<R>(props: { row: R; columns: Column<R>[]; path: string | null }): ReactNode {
  return (
    <div className={css.sheet}>
      {props.columns.map((column) => (
        <div key={column.key}>
          <span>{column.title}</span>
          <span>{shownCell(props.row, column)}</span>
        </div>
      ))}
      {props.path && <To path={props.path}>Open</To>}
    </div>
  );
}
