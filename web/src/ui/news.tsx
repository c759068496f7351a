/** What happened since the page was opened: newer figures, jobs that ended, decisions that wait. */

import { Button, Popover, UnstyledButton } from "@mantine/core";
import { notifyManager, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { useSession, type Document } from "../api/client";
import { hangUp, knownNow, listen, onNews, useKnown, type Job } from "../api/live";
import { useShut } from "../api/door";
import { ago } from "../format/times";
import { To } from "./address";
import css from "./frame.module.css";
import { Icon } from "./icons";

const OVER = ["succeeded", "partial", "failed", "cancelled"];
const MOST = 8;

/** Listens while somebody is let in, and looks again at what had failed when there are newer figures. */
export function useLive(): void {
  const session = useSession();
  const shut = useShut();
  const client = useQueryClient();
  const inside = session.data !== undefined && !shut;
  useEffect(() => {
    if (!inside) return;
    // What a page shows comes first.
    const soon = setTimeout(listen, 1_500);
    const forget = onNews((event) => {
      if (event === "figures") void client.invalidateQueries({ predicate: (query) => query.state.status === "error" });
      if (event === "jobs") void client.invalidateQueries({ queryKey: ["document", "api/v1/schedules"] });
      if (event === "decisions") void client.invalidateQueries({ predicate: ({ queryKey }) => String(queryKey[1]).startsWith("api/v1/decisions") });
    });
    return () => {
      clearTimeout(soon);
      forget();
      hangUp();
    };
  }, [inside, client]);
}

/** Whether a shown answer rests on a version of a table that a newer build replaced. */
function outdated(client: QueryClient, newest: Record<string, number>): boolean {
  const shown = client.getQueryCache().findAll({ queryKey: ["tool"], type: "active" });
  return shown.some((query) =>
    (query.state.data as Document | undefined)?.evidence.some(({ dataset, version }) => version !== null && version < (newest[dataset] ?? -1)),
  );
}

export function NewerFigures(): ReactNode {
  const client = useQueryClient();
  const cache = client.getQueryCache();
  const watch = useCallback(
    (tell: () => void) => {
      const later = notifyManager.batchCalls(tell);
      const [one, other] = [cache.subscribe(later), onNews(later)];
      return () => {
        one();
        other();
      };
    },
    [cache],
  );
  const old = useSyncExternalStore(watch, () => {
    // A build replaces one table after another: its figures fit together when it is done.
    const building = Object.values(knownNow().jobs).some((job) => job.state === "running");
    return !building && outdated(client, knownNow().figures);
  });
  return (
    <div role="status">
      {old && (
        <div className={css.newer}>
          Newer figures are there than this page shows.
          <Button size="compact-xs" onClick={() => void client.invalidateQueries({ queryKey: ["tool"] })}>
            Reload
          </Button>
        </div>
      )}
    </div>
  );
}

const FIGURES = ["land", "build", "run", "profile"];

/** The newest job of a kind that figures rest on, where it failed: what is shown is older than somebody meant it to be. */
export function StaleFigures(): ReactNode {
  const jobs = useKnown("jobs");
  const newest = new Map<string, Job>();
  for (const job of Object.values(jobs)) {
    if (FIGURES.includes(job.kind) && OVER.includes(job.state) && job.id > (newest.get(job.kind)?.id ?? -1)) newest.set(job.kind, job);
  }
  const failed = [...newest.values()].filter((job) => job.state === "failed" || job.state === "partial").sort((a, b) => b.id - a.id)[0];
  return (
    <div role="status">
      {failed && (
        <div className={css.newer}>
          <span>
            Figures may be old: the last {failed.kind} {failed.state === "failed" ? "failed" : "was not done in full"}
            {failed.ended_at && `, ${ago(failed.ended_at)}`}.
          </span>
          <To path={`/jobs/${failed.id}`}>See why</To>
        </div>
      )}
    </div>
  );
}

/** Jobs that ended while the page was open, the newest first. */
function useEnded(): [Job[], () => void] {
  const jobs = useKnown("jobs");
  const before = useRef<Set<number>>(undefined);
  const [seen, setSeen] = useState<ReadonlySet<number>>(new Set());
  const over = Object.values(jobs).filter((job) => OVER.includes(job.state));
  // What was over when the first news came is no news.
  if (!before.current && Object.keys(jobs).length > 0) before.current = new Set(over.map((job) => job.id));
  const ended = over.filter((job) => !before.current?.has(job.id) && !seen.has(job.id)).sort((a, b) => b.id - a.id);
  return [ended.slice(0, MOST), () => setSeen(new Set(over.map((job) => job.id)))];
}

/** What waits for a person or has just ended. The number stands in the window's title, too. */
export function Bell(): ReactNode {
  const waiting = Object.keys(useKnown("decisions")).length;
  const [ended, forget] = useEnded();
  const all = waiting + ended.length;
  useTitle(all);
  const label = all ? `News: ${all}` : "No news";
  return (
    <Popover position="bottom-end" withinPortal trapFocus returnFocus shadow="md" onClose={forget}>
      <Popover.Target>
        <UnstyledButton className={css.bell} aria-label={label}>
          <Icon name="bell" size={18} />
          {all > 0 && <span className={css.number} aria-hidden="true">{all}</span>}
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown aria-label={label} className={css.person}>
        {waiting > 0 && (
          <To path="/decisions">
            {waiting} {waiting === 1 ? "decision waits" : "decisions wait"} for a person
          </To>
        )}
        {ended.map((job) => (
          <To key={job.id} path={`/jobs/${job.id}`}>
            {job.kind} {job.names.join(", ")}: {job.state}
            {job.error && `, ${job.error.message}`}
          </To>
        ))}
        {all === 0 && <p>Nothing waits, and nothing ended since this page was opened.</p>}
      </Popover.Dropdown>
      <span role="status" className={css.unseen}>
        {all > 0 && label}
      </span>
    </Popover>
  );
}

/** How many decisions wait, beside the name of their page. */
export function Waiting(): ReactNode {
  const waiting = Object.keys(useKnown("decisions")).length;
  return waiting ? <span className={css.waiting}>{waiting}</span> : null;
}

function useTitle(all: number): void {
  useEffect(() => {
    if (!all) return;
    const title = document.querySelector("title")!;
    const show = () => {
      const plain = document.title.replace(/^\(\d+\) /, "");
      if (document.title !== `(${all}) ${plain}`) document.title = `(${all}) ${plain}`;
    };
    show();
    const watch = new MutationObserver(show);
    watch.observe(title, { childList: true });
    return () => {
      watch.disconnect();
      document.title = document.title.replace(/^\(\d+\) /, "");
    };
  }, [all]);
}
