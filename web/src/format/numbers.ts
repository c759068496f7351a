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

function signed(text: string): string {
  return text.replace("-", MINUS);
}

/** A currency that is no code yet, or none at all, is left out rather than refused. */
function priced(currency: string): Intl.NumberFormatOptions {
  return /^[A-Za-z]{3}$/.test(currency) ? { style: "currency", currency } : {};
}

function formatted(value: number, options: Intl.NumberFormatOptions): string {
  // No minus before what is shown as zero.
  const text = new Intl.NumberFormat(LOCALE, options).format(value);
  return /[1-9]/.test(text) ? signed(text) : text.replace("-", "");
}

/** Cents below 100, else none; below a cent three digits that say something. */
export function money(value: Amount, currency: string, options: { sign?: boolean } = {}): string {
  const found = numeric(value);
  if (found === null) return NONE;
  const size = Math.abs(found);
  const digits: Intl.NumberFormatOptions =
    size > 0 && size < 0.01
      ? { maximumSignificantDigits: 3 }
      : size < 100
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

/** Large quantities: 265.8M. */
export function quantity(value: Amount): string {
  const found = numeric(value);
  if (found === null) return NONE;
  return Math.abs(found) < 100_000
    ? formatted(found, { maximumFractionDigits: 2 })
    : formatted(found, { notation: "compact", maximumFractionDigits: 1 });
}
