/** What a table shows of its rows, and the same as a file. */

import { toCsv } from "../format/csv";
import { compared, currencyOf, isNumber, type Column, type Record_ } from "./columns";

/** The rows that match, in order. */
export function arranged<R>(
  rows: readonly R[],
  columns: Column<R>[],
  sort: string,
  needle: string,
  chosen: Record<string, string>,
): R[] {
  const wanted = needle.toLowerCase();
  const texts = columns.filter((column) => !isNumber(column.kind));
  const found = rows.filter((row) => {
    const own = row as Record_;
    if (Object.entries(chosen).some(([key, value]) => value && String(own[key] ?? "") !== value)) return false;
    return !wanted || texts.some((column) => String(own[column.key] ?? "").toLowerCase().includes(wanted));
  });
  const descending = sort.startsWith("-");
  const key = sort.replace(/^-/, "");
  const column = columns.find((one) => one.key === key);
  if (!column) return found;
  return found.sort((a, b) => compared((a as Record_)[key], (b as Record_)[key], column.kind, descending));
}

/** Exact values, not the rounded ones: money adds up in the file as it does in the ledger. */
export function csvOf<R>(rows: readonly R[], shown: Column<R>[]): string {
  const columns = shown.filter((column) => column.title);
  const priced = columns.some((c) => c.kind === "money" || c.kind === "change" || c.kind === "unit");
  const currency = priced && !columns.some((c) => c.key === "currency") && rows.some((row) => currencyOf(row));
  const heads = [...columns.map((c) => c.title), ...(currency ? ["Currency"] : [])];
  return toCsv(
    heads,
    rows.map((row) => [...columns.map((c) => (row as Record_)[c.key]), ...(currency ? [currencyOf(row)] : [])]),
  );
}
