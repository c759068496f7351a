/** Whether this browser is let in: any answer 401 shuts the door, signing in opens it. */

import { useSyncExternalStore } from "react";

export interface Shut {
  /** A stranger was never in, a session is over, or somebody signed out. */
  why: "stranger" | "over" | "out";
  /** Where people log in with a provider, if they can. */
  login?: string;
}

let state: Shut | null = null;
let known = false;
const watching = new Set<() => void>();

function become(next: Shut | null): void {
  state = next;
  watching.forEach((tell) => tell());
}

export function shut(login: string | undefined, why: Shut["why"] = known ? "over" : "stranger"): void {
  if (!state || why === "out") become({ why, login });
}

export function open(): void {
  known = true;
  if (state) become(null);
}

function watch(tell: () => void): () => void {
  watching.add(tell);
  return () => watching.delete(tell);
}

export function useShut(): Shut | null {
  return useSyncExternalStore(watch, () => state);
}
