/** The address holds what a page shows: filters, sort, range. A saved view is nothing but an address. */

export type Search = Record<string, string | undefined>;

/** What goes with a person from page to page. */
export const CARRIED = ["range", "compare", "currency", "basis", "shared"] as const;

export function decode(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function encode(search: Search): string {
  const found = new URLSearchParams();
  for (const [key, value] of Object.entries(search)) {
    if (value !== undefined && value !== "") found.set(key, value);
  }
  // As people write windows and lists.
  const text = found.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
  return text ? `?${text}` : "";
}

export function carried(search: Search): Search {
  return Object.fromEntries(CARRIED.filter((key) => search[key]).map((key) => [key, search[key]]));
}
