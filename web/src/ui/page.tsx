/** A page and its panels. */

import { useEffect, type ReactNode } from "react";
import type { Document, Query } from "../api/client";
import { ago, clock, momentUtc } from "../format/times";
import css from "./page.module.css";
import { Await } from "./states";
import { To } from "./address";

/** Title, one line that says of when the figures are, and what stands at the right of it. */
export function Page(props: {
  title: string;
  lead?: ReactNode;
  crumb?: { path: string; name: string };
  actions?: ReactNode;
  children: ReactNode;
}): ReactNode {
  useEffect(() => {
    document.title = `${props.title} · Tenantry`;
  }, [props.title]);
  return (
    <div className={css.page}>
      <header className={css.head}>
        <div>
          {props.crumb && (
            <p className={css.crumb}>
              <To path={props.crumb.path}>{props.crumb.name}</To> /
            </p>
          )}
          <h1>{props.title}</h1>
          {props.lead && <div className={css.lead}>{props.lead}</div>}
        </div>
        {props.actions && <div className={css.actions}>{props.actions}</div>}
      </header>
      {props.children}
    </div>
  );
}

/** When an answer was given and how new the data under it is: tables by month name it by its first day, so `newest` may say better. */
export function AsOf({ answer, newest: said }: { answer: Document | undefined; newest?: string }): ReactNode {
  if (!answer) return <span>&nbsp;</span>;
  const newest =
    said ??
    answer.evidence
      .map((one) => one.newest)
      .filter((day) => day !== null)
      .sort()
      .at(-1);
  return (
    <span title={momentUtc(answer.as_of)}>
      {newest ? `Data to ${newest} · ` : ""}
      as of {clock(answer.as_of)}
    </span>
  );
}

export function Ago({ time }: { time: string }): ReactNode {
  return <time dateTime={time} title={momentUtc(time)}>{ago(time)}</time>;
}

/** A text from a declaration, in which names stand in backticks. */
export function Words({ text }: { text: string }): ReactNode {
  return text.split("`").map((part, nth) => (nth % 2 ? <code key={nth}>{part}</code> : part));
}

export function Panel(props: {
  title: string;
  note?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  span?: 1 | 2;
  /** Its title is not shown: a chart inside has one. */
  bare?: boolean;
}): ReactNode {
  return (
    <section className={css.panel} aria-label={props.title} data-span={props.span}>
      {!props.bare && (
        <div className={css.panelHead}>
          <div>
            <h2>{props.title}</h2>
            {props.note && <p className={css.note}>{typeof props.note === "string" ? <Words text={props.note} /> : props.note}</p>}
          </div>
          {props.actions && <div className={css.actions}>{props.actions}</div>}
        </div>
      )}
      {props.children}
    </section>
  );
}

/** A panel that waits for one answer and fails alone. */
export function AnswerPanel<T>(props: {
  title: string;
  query: Query<T>;
  note?: ReactNode;
  actions?: ReactNode;
  height?: number;
  span?: 1 | 2;
  bare?: boolean;
  children: (data: T) => ReactNode;
}): ReactNode {
  // Where there is no chart, there is no title of a chart.
  const failed = props.query.isError && props.query.data === undefined;
  return (
    <Panel title={props.title} note={props.note} actions={props.actions} span={props.span} bare={props.bare && !failed}>
      <Await query={props.query} height={props.height} what={props.title.toLowerCase()}>
        {props.children}
      </Await>
    </Panel>
  );
}

export function Grid({ children, columns = 2 }: { children: ReactNode; columns?: 2 | 3 | 4 }): ReactNode {
  return (
    <div className={css.grid} data-columns={columns}>
      {children}
    </div>
  );
}

/** Names and values. */
export function Facts({ facts }: { facts: [string, ReactNode][] }): ReactNode {
  return (
    <dl className={css.facts}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export type Mood = "plain" | "good" | "bad" | "warn";

export function Chip({ mood = "plain", children, title }: { mood?: Mood; children: ReactNode; title?: string }): ReactNode {
  return (
    <span className={css.chip} data-mood={mood} title={title}>
      {children}
    </span>
  );
}

export function Banner({ mood = "warn", children }: { mood?: Mood; children: ReactNode }): ReactNode {
  return (
    <div className={css.banner} data-mood={mood} role="status">
      {children}
    </div>
  );
}
