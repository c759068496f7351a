/** What a panel shows instead of data: loading, failed, forbidden, empty, nothing that matches. */

import { Button, Skeleton } from "@mantine/core";
import { useEffect, useState, type ReactNode } from "react";
import { Problem, type Query } from "../api/client";
import { To } from "./address";
import { Icon, type IconName } from "./icons";
import css from "./states.module.css";

function useLater(milliseconds: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), milliseconds);
    return () => clearTimeout(timer);
  }, [milliseconds]);
  return late;
}

/** In the shape of what comes: a panel's, or that of so many cards beside one another. */
export function Loading({ height = 160, what = "the figures", cards }: { height?: number; what?: string; cards?: number }): ReactNode {
  const shown = useLater(150);
  const long = useLater(10_000);
  return (
    <div style={{ minHeight: height }} role="status" aria-label={`Loading ${what}`}>
      {shown && cards && (
        <div className={css.cards}>
          {Array.from({ length: cards }, (_, nth) => (
            <Skeleton key={nth} height={height - 8} radius={10} />
          ))}
        </div>
      )}
      {shown && !cards && (
        <>
          <Skeleton height={14} width="40%" mb={10} />
          <Skeleton height={Math.max(20, height - 40)} />
        </>
      )}
      {long && <p className={css.muted}>Still waiting for {what}. Large ranges take longer.</p>}
    </div>
  );
}

export function Empty(props: { icon?: IconName; title: string; children?: ReactNode }): ReactNode {
  return (
    <div className={css.empty}>
      <Icon name={props.icon ?? "info"} size={22} />
      <div>
        <p className={css.title}>{props.title}</p>
        {props.children && <div className={css.muted}>{props.children}</div>}
      </div>
    </div>
  );
}

export function Failed({ problem, again }: { problem: Problem; again?: () => void }): ReactNode {
  const known = problem instanceof Problem;
  const title = !known
    ? "This part could not be shown"
    : problem.status === 403
      ? "Your role does not allow this"
      : problem.status === 0
        ? "The server cannot be reached"
        : problem.status === 404
          ? "There is nothing here yet"
          : "This could not be loaded";
  return (
    <div className={css.failed} role="alert">
      <Icon name="warn" size={20} />
      <div>
        <p className={css.title}>{title}</p>
        {known ? !problem.detail.startsWith(title) && <p>{problem.detail}</p> : <p>{String(problem)}</p>}
        {known && problem.hint && <p className={css.muted}>{problem.hint}</p>}
        {known && problem.request && (
          <p className={css.muted}>
            Request <code>{problem.request}</code>
          </p>
        )}
        {known && problem.status === 404 && problem.hint.startsWith("land ") && (
          <p>
            <To path="/bring">Add files</To>
          </p>
        )}
        {again && !(known && problem.status === 403) && (
          <Button size="xs" variant="default" mt={8} onClick={again}>
            Try again
          </Button>
        )}
      </div>
    </div>
  );
}

/** The data of a query, or the state it is in. Old data stays, dimmed, while new data comes. */
export function Await<T>(props: {
  query: Query<T>;
  children: (data: T) => ReactNode;
  height?: number;
  what?: string;
  cards?: number;
}): ReactNode {
  const { query } = props;
  if (query.isError && !query.isPlaceholderData && query.data === undefined) {
    return <Failed problem={query.error} again={() => void query.refetch()} />;
  }
  if (query.data === undefined) return <Loading height={props.height} what={props.what} cards={props.cards} />;
  return (
    <div className={query.isPlaceholderData ? css.old : undefined} aria-busy={query.isPlaceholderData}>
      {query.isError && <Failed problem={query.error} again={() => void query.refetch()} />}
      {props.children(query.data)}
    </div>
  );
}
