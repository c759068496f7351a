/** Windows and moments. Windows are half-open (`2026-10-01..2026-11-01`) and shown with their last day or month. */

const DAY = 86_400_000;

export interface Span {
  start: string;
  end: string;
}

/** Reads START..END or YYYY-MM; null for anything else. */
export function readWindow(text: string | null | undefined): Span | null {
  if (!text) return null;
  const month = /^(\d{4})-(\d{2})$/.exec(text);
  if (month) return valid({ start: `${text}-01`, end: shiftMonths(`${text}-01`, 1) });
  const days = /^(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})$/.exec(text);
  return days ? valid({ start: days[1]!, end: days[2]! }) : null;
}

function valid(span: Span): Span | null {
  const real = [span.start, span.end].every((day) => iso(Date.parse(`${day}T00:00:00Z`)) === day);
  return real && span.start < span.end ? span : null;
}

function iso(time: number): string {
  return Number.isNaN(time) ? "" : new Date(time).toISOString().slice(0, 10);
}

/** The first day of the month so many months later. */
export function shiftMonths(day: string, months: number): string {
  const place = Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1 + months;
  return `${String(Math.floor(place / 12)).padStart(4, "0")}-${String((place % 12) + 1).padStart(2, "0")}-01`;
}

/** "Oct 2026", "Aug – Oct 2026", or days where the ends are not months'. */
export function windowName(text: string | null | undefined): string {
  const span = readWindow(text);
  if (!span) return text ?? "";
  const last = iso(Date.parse(`${span.end}T00:00:00Z`) - DAY);
  if (span.start.endsWith("-01") && span.end.endsWith("-01")) {
    if (shiftMonths(span.start, 1) === span.end) return monthName(span.start);
    const sameYear = span.start.slice(0, 4) === last.slice(0, 4);
    return `${sameYear ? part(span.start, { month: "short" }) : monthName(span.start)} \u2013 ${monthName(last)}`;
  }
  return `${dayName(span.start)} \u2013 ${dayName(last)}`;
}

/** A window of whole months, so many months earlier; null for any other. */
function earlier(span: Span, months: number): string | null {
  if (!span.start.endsWith("-01") || !span.end.endsWith("-01")) return null;
  return `${shiftMonths(span.start, -months)}..${shiftMonths(span.end, -months)}`;
}

/** What a window is compared with, as the server chooses it; null where with nothing. */
export function comparedWith(window: string, choice: { compare: "previous" | "year" | "none"; against?: string }): string | null {
  const span = readWindow(window);
  if (choice.against || choice.compare === "none" || !span) return choice.against ?? null;
  if (choice.compare === "year") return earlier(span, 12);
  const month = (day: string) => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7));
  return earlier(span, month(span.end) - month(span.start));
}

/** The last day of a month, said by any of its days. */
export function monthEnd(day: string): string {
  return iso(Date.parse(`${shiftMonths(day, 1)}T00:00:00Z`) - DAY);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Made once: tables use the same one for each row. */
function formatOf(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify(options);
  let found = formats.get(key);
  if (!found) formats.set(key, (found = new Intl.DateTimeFormat("en-US", options)));
  return found;
}

function part(day: string, options: Intl.DateTimeFormatOptions): string {
  return formatOf({ timeZone: "UTC", ...options }).format(Date.parse(`${day.slice(0, 10)}T00:00:00Z`));
}

export function monthName(day: string): string {
  return part(day, { month: "short", year: "numeric" });
}

export function dayName(day: string): string {
  return part(day, { day: "numeric", month: "short", year: "numeric" });
}

/** A moment in the viewer's zone. */
export function moment(time: string): string {
  return formatOf({
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  }).format(Date.parse(time));
}

/** The same, without the day where it is today. */
export function clock(time: string, now: Date = new Date()): string {
  const at = new Date(time);
  return at.toDateString() === now.toDateString() ? formatOf({ hour: "2-digit", minute: "2-digit", hour12: false }).format(at) : moment(time);
}

/** The same in UTC, for tooltips. */
export function momentUtc(time: string): string {
  return `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** "4 min ago". */
export function ago(time: string, now: number = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000));
  const steps: [number, string][] = [
    [86_400, "day"],
    [3_600, "hour"],
    [60, "min"],
  ];
  for (const [size, word] of steps) {
    if (seconds >= size) {
      const many = Math.floor(seconds / size);
      return `${many} ${word}${many > 1 && word !== "min" ? "s" : ""} ago`;
    }
  }
  return "just now";
}
