/** How high rows of tables are, in this browser: as they are drawn first, or less, to see more of them. */

import { useSyncExternalStore } from "react";
import { keep } from "./kept";

const KEY = "tenantry-rows";
const COMPACT = "compact";
const listeners = new Set<() => void>();

/** Whether rows are compact. Before the first paint begin.js has marked the page so. */
export function useCompact(): boolean {
  return useSyncExternalStore(listen, () => document.documentElement.dataset.rows === COMPACT);
}

export function setCompact(on: boolean): void {
  if (on) document.documentElement.dataset.rows = COMPACT;
  else delete document.documentElement.dataset.rows;
  for (const tell of listeners) tell();
  keep(KEY, on ? COMPACT : null);
}

function listen(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}
