/** Columns of tables: how values are written, compared and found. */

import type { ReactNode } from "react";
import type { ColumnShown } from "../api/client";
import { count, money, numeric, quantity, ratio, unitCost } from "../format/numbers";
import { moment, monthName } from "../format/times";

export type Kind =
  | "text"
  | "money"
  | "change"
  | "unit"
  | "ratio"
  | "count"
  | "quantity"
  | "month"
  | "day"
  | "moment"
  | "flag"
  | "list";

export type Record_ = Record<string, unknown>;

export interface Column<R = Record_> {
  key: string;
  title: string;
  kind?: Kind;
  about?: string;
  /** Shown on a phone, too. */
  phone?: boolean;
  show?: (row: R) => ReactNode;
  /** Before all others, whatever the declaration's order. */
  first?: boolean;
  /** Hidden until a person asks for it. */
  extra?: boolean;
}

const NUMBERS: Kind[] = ["money", "change", "unit", "ratio", "count", "quantity"];

export function isNumber(kind: Kind | undefined): boolean {
  return kind !== undefined && NUMBERS.includes(kind);
}

/** A value as a person reads it. */
export function written(value: unknown, kind: Kind | undefined, currency = ""): string {
  if (value === null || value === undefined || value === "") return isNumber(kind) ? "n/a" : "";
  switch (kind) {
    case "money":
      return currency ? money(value as string, currency) : count(value as string);
    case "change":
      return currency ? money(value as string, currency, { sign: true }) : count(value as string);
    case "unit":
      return currency ? unitCost(value as string, currency) : count(value as string);
    case "ratio":
      return ratio(value as number);
    case "count":
      return count(value as number);
    case "quantity":
      return quantity(value as string);
    case "month":
      return monthName(String(value));
    case "moment":
      return moment(String(value));
    case "flag":
      return value ? "yes" : "no";
    case "list":
      return Array.isArray(value) ? value.join(", ") : String(value);
    default:
      return Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value);
  }
}

const letters = new Intl.Collator("en");

/** Ascending; what is missing comes last, whichever way. */
export function compared(a: unknown, b: unknown, kind: Kind | undefined, descending: boolean): number {
  const way = descending ? -1 : 1;
  if (isNumber(kind)) {
    const [x, y] = [numeric(a as string), numeric(b as string)];
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    return way * (x - y);
  }
  const [x, y] = [String(a ?? ""), String(b ?? "")];
  if (!x || !y) return x === y ? 0 : x ? -1 : 1;
  return way * letters.compare(x, y);
}

const UNITS: Record<string, Kind> = { money: "money", ratio: "ratio", units: "quantity", rows: "count" };

/** "cost_per_unit" as a heading. */
export function heading(name: string): string {
  const text = name.replaceAll("_", " ").replace(/ (id|name)$/, "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A column as a tool's declaration has it. */
export function declared(column: ColumnShown, nth: number): Column {
  const kind: Kind =
    UNITS[column.unit ?? ""] ??
    (column.role === "time" ? "day" : column.name.endsWith("_at") || column.name === "at" ? "moment" : "text");
  const unit = kind === "money" && /per_/.test(column.name) ? "unit" : kind;
  return { key: column.name, title: heading(column.name), kind: unit, about: column.description, phone: nth === 0 || unit === "money" };
}

/** A sentence in which nothing that came from data turns the order of what follows it, such as of a figure. */
export function straight(text: string): string {
  return text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
}

export function currencyOf(row: unknown): string {
  const found = row as Record_;
  return String(found.currency ?? found.billing_currency ?? "");
}
