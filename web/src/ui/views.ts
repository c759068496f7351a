/** Views that were given a name, in this browser. A view is nothing but an address: what it shows stands in it. */

import { decode, encode, type Search } from "../url";
import { keep, kept } from "./kept";

export interface View {
  name: string;
  path: string;
  search: Search;
}

const KEY = "tenantry-views";
const MOST = 100;

/** As text, and back; what is no view is left out. */
export function writeViews(views: readonly View[]): string {
  return JSON.stringify(views.map(({ name, path, search }) => ({ name, at: path + encode(search) })));
}

export function readViews(text: string | null): View[] {
  let said: unknown;
  try {
    said = JSON.parse(text ?? "[]");
  } catch {
    return [];
  }
  if (!Array.isArray(said)) return [];
  return said.flatMap((one: { name?: unknown; at?: unknown } | null) => {
    if (typeof one?.name !== "string" || typeof one.at !== "string" || !one.at.startsWith("/")) return [];
    const [path = "/", query = ""] = one.at.split(/\?(.*)/s);
    return [{ name: one.name, path, search: decode(query) }];
  });
}

export function views(): View[] {
  return readViews(kept(KEY));
}

function keepAll(all: readonly View[]): void {
  keep(KEY, writeViews(all.slice(-MOST)));
}

/** In the place of one of the same name. */
export function keepView(view: View): void {
  keepAll([...views().filter((one) => one.name !== view.name), view]);
}

export function forgetView(name: string): void {
  keepAll(views().filter((one) => one.name !== name));
}
