/** Figures as people read them. Amounts come as exact decimal texts; only what is shown is rounded. */

export type Amount = string | number | null | undefined;

const LOCALE = "en-US";
const MINUS = "\u2212";
const NONE = "n/a";

/** A number, or null where there is none. */
export function numeric(value: Amount): number | null {
  if (value === null || value === undefined || value === "") return null;
  const found = Number(value);
  return Number.isFinite(found) ? found : null;
}

const PLACES = 18;

/** The exact sum of decimal texts; what is missing counts nothing. */
export function sum(amounts: readonly Amount[]): string {
  const total = amounts.reduce<bigint>((all, one) => all + scaled(one), 0n);
  const digits = String(total < 0n ? -total : total).padStart(PLACES + 1, "0");
  const text = `${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`.replace(/\.?0+$/, "");
  return total < 0n ? `-${text}` : text;
}

/** As a whole number of the last of 18 places: that is what money has. */
function scaled(amount: Amount): bigint {
  const found = /^(-?)(\d+)(?:\.(\d{1,18}))?$/.exec(String(amount ?? ""));
  if (!found) return 0n;
  const [, minus, whole, part = ""] = found;
  const size = BigInt(whole + part.padEnd(PLACES, "0"));
  return minus ? -size : size;
}

function signed(text: string): string {
  return text.replace("-", MINUS);
}

/** A currency that is no code yet, or none at all, is left out rather than refused. */
function priced(currency: string): Intl.NumberFormatOptions {
  return /^[A-Za-z]{3}$/.test(currency) ? { style: "currency", currency } : {};
}

const formats = new Map<string, Intl.NumberFormat>();

/** To make one takes longer than to use it a hundred times, and tables use thousands. */
function formatOf(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = JSON.stringify(options);
  let found = formats.get(key);
  if (!found) formats.set(key, (found = new Intl.NumberFormat(LOCALE, options)));
  return found;
}

function formatted(value: number, options: Intl.NumberFormatOptions): string {
  // No minus before what is shown as zero.
  const text = formatOf(options).format(value);
  return /[1-9]/.test(text) ? signed(text) : text.replace("-", "");
}

/** Cents below 100, else none, nor of nothing; below a cent three digits that say something. */
export function money(value: Amount, currency: string, options: { sign?: boolean } = {}): string {
  const found = numeric(value);
  if (found === null) return NONE;
  const size = Math.abs(found);
  const digits: Intl.NumberFormatOptions =
    size > 0 && size < 0.01
      ? { maximumSignificantDigits: 3 }
      : size > 0 && size < 100
        ? { minimumFractionDigits: 2, maximumFractionDigits: 2 }
        : { maximumFractionDigits: 0 };
  return formatted(found, {
    ...priced(currency),
    signDisplay: options.sign ? "exceptZero" : "auto",
    ...digits,
  });
}

/** For axes: $12k, $1.2M. */
export function shortMoney(value: number, currency: string): string {
  const text = formatted(value, {
    ...priced(currency),
    notation: "compact",
    maximumFractionDigits: Math.abs(value) < 10 ? 2 : 1,
    minimumFractionDigits: 0,
  });
  return text.replace("K", "k");
}

/** What one unit costs: three significant digits. */
export function unitCost(value: Amount, currency: string): string {
  const found = numeric(value);
  if (found === null) return NONE;
  return formatted(found, { ...priced(currency), maximumSignificantDigits: 3, minimumSignificantDigits: 1 });
}

/** 57.6% */
export function ratio(value: Amount): string {
  const found = numeric(value);
  if (found === null) return NONE;
  return formatted(found, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** The change of a ratio: −2.1 pts. */
export function points(after: Amount, before: Amount): string {
  const [now, was] = [numeric(after), numeric(before)];
  if (now === null || was === null) return NONE;
  return `${formatted((now - was) * 100, { signDisplay: "exceptZero", minimumFractionDigits: 1, maximumFractionDigits: 1 })} pts`;
}

/** The change of an amount: +4.2%. Of nothing there is no part. */
export function change(after: Amount, before: Amount): string {
  const [now, was] = [numeric(after), numeric(before)];
  if (now === null || was === null || was === 0) return NONE;
  return formatted((now - was) / Math.abs(was), {
    style: "percent",
    signDisplay: "exceptZero",
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  });
}

/** Whole numbers grouped, others with up to three digits behind the point. */
export function count(value: Amount): string {
  const found = numeric(value);
  return found === null ? NONE : formatted(found, { maximumFractionDigits: 3 });
}

/** 1 row, 2 rows. */
export function counted(many: number, what: string): string {
  return `${count(many)} ${what}${many === 1 ? "" : "s"}`;
}

/** Large quantities: 265.8M. */
export function quantity(value: Amount): string {
  const found = numeric(value);
  if (found === null) return NONE;
  return Math.abs(found) < 100_000
    ? formatted(found, { maximumFractionDigits: 2 })
    : formatted(found, { notation: "compact", maximumFractionDigits: 1 });
}
