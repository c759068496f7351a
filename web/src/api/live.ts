/** What happens on the server, as it happens. All tabs of a browser share one connection: it has few to give. */

import { useSyncExternalStore } from "react";
import { Problem, stream, type Schemas } from "./client";

export type Job = Schemas["Job"];

/** What is known by now, by event and key. Decisions are those that wait for a person. */
export interface Known {
  jobs: Record<string, Job>;
  figures: Record<string, number>;
  decisions: Record<string, unknown>;
}

interface Told {
  event: keyof Known;
  data: { changed: Record<string, unknown>; gone: string[] };
}

const NAME = `tenantry live ${document.baseURI}`;
const AGAIN = 3_000;
const LONGEST = 60_000;
const NOTHING: Known = { jobs: {}, figures: {}, decisions: {} };

let known = NOTHING;
let heard: ReadonlySet<keyof Known> = new Set();
let stop: AbortController | null = null;
const watching = new Set<(told: Told["event"]) => void>();

function take({ event, data }: Told): void {
  if (!(event in known)) return;
  const now: Record<string, unknown> = { ...known[event], ...data.changed };
  for (const key of data.gone) delete now[key];
  known = { ...known, [event]: now };
  if (!heard.has(event)) heard = new Set([...heard, event]);
  watching.forEach((tell) => tell(event));
}

/** Begins to listen, until `hangUp`. One tab at a time listens to the server, the others to that tab. */
export function listen(): void {
  if (stop) return;
  const own = new AbortController();
  stop = own;
  known = NOTHING;
  heard = new Set();
  if (!("locks" in navigator)) return void connect(own.signal, take);
  const others = new BroadcastChannel(NAME);
  let first = false;
  const tell = (told: Told) => {
    take(told);
    others.postMessage(told);
  };
  others.onmessage = ({ data }: MessageEvent<Told | "hello">) => {
    if (data !== "hello") take(data);
    else if (first) {
      for (const event of Object.keys(known) as Told["event"][]) others.postMessage({ event, data: { changed: known[event], gone: [] } });
    }
  };
  own.signal.addEventListener("abort", () => others.close());
  others.postMessage("hello");
  navigator.locks
    .request(NAME, { signal: own.signal }, () => {
      first = true;
      return connect(own.signal, tell);
    })
    .catch(() => undefined); // hung up while waiting
}

export function hangUp(): void {
  stop?.abort();
  stop = null;
}

/** Listens and, cut off, listens again: the server tells everything anew. Ends where one is not let in. */
async function connect(signal: AbortSignal, tell: (told: Told) => void): Promise<void> {
  let wait = AGAIN;
  while (!signal.aborted) {
    try {
      await stream("api/v1/live", undefined, (said) => {
        wait = AGAIN;
        tell(said as Told);
      }, signal);
    } catch (problem) {
      if (problem instanceof Problem && [401, 403, 404].includes(problem.status)) return;
      wait = Math.min(wait * 2, LONGEST);
    }
    if (!signal.aborted) await new Promise((go) => setTimeout(go, wait));
  }
}

/** Calls `told` with the name of each event that comes. */
export function onNews(told: (event: Told["event"]) => void): () => void {
  watching.add(told);
  return () => watching.delete(told);
}

export function knownNow(): Known {
  return known;
}

/** Whether the server has told of this at all: before it has, nothing known does not mean that there is nothing. */
export function useHeard(event: keyof Known): boolean {
  return useSyncExternalStore(onNews, () => heard.has(event));
}

export function useKnown<E extends keyof Known>(event: E): Known[E] {
  return useSyncExternalStore(onNews, () => known[event]);
}
