/** One number with its name, unit, period and change, and where it comes from. */

import { Popover, UnstyledButton } from "@mantine/core";
import type { ReactNode } from "react";
import { windowOf, type Document } from "../api/client";
import { encode } from "../url";
import { moment, windowName } from "../format/times";
import { To } from "./address";
import css from "./figure.module.css";
import { Icon } from "./icons";
import { Words } from "./page";

export type Good = "up" | "down" | "neither";

/** What changed, as a text, and whether that is good for the margin. */
export function Delta(props: { text: string; by: number | null; good?: Good; against?: string }): ReactNode {
  const { by, good = "neither" } = props;
  const mood = !by || good === "neither" ? "plain" : by > 0 === (good === "up") ? "good" : "bad";
  return (
    <span className={css.delta} data-mood={mood}>
      {by ? <Icon name={by > 0 ? "up" : "down"} size={12} /> : null}
      {props.text}
      {props.against && <span className={css.against}> vs {props.against}</span>}
      {mood !== "plain" && <span className={css.hidden}>{mood === "good" ? " (better)" : " (worse)"}</span>}
    </span>
  );
}

export function Figure(props: {
  name: string;
  value: string;
  about: string;
  answer: Document | undefined;
  delta?: ReactNode;
  estimated?: string;
  note?: ReactNode;
  colour?: string;
  path?: string;
  /** Months it is of, where not those that its answer was asked for. */
  period?: string;
}): ReactNode {
  const period = props.period ?? windowName(windowOf(props.answer));
  return (
    <section className={css.figure} aria-label={props.name}>
      <div className={css.name}>
        {props.colour && <span className={css.dot} style={{ background: `var(--${props.colour})` }} />}
        <span>{props.name}</span>
        <Lineage name={props.name} about={props.about} answer={props.answer} estimated={props.estimated} />
        <span className={css.period}>{period}</span>
      </div>
      <div className={css.value} data-estimated={Boolean(props.estimated)}>
        {props.path ? <To path={props.path}>{props.value}</To> : props.value}
        {props.estimated && <span className={css.est}> est.</span>}
      </div>
      <div className={css.below}>{props.delta ?? props.note ?? "\u00a0"}</div>
    </section>
  );
}

/** The "i" beside a figure: how it is reckoned, from which tables, how new they are. */
export function Lineage(props: {
  name: string;
  about: string;
  answer: Document | undefined;
  estimated?: string;
}): ReactNode {
  const { answer } = props;
  return (
    <Popover width={320} position="bottom-start" withArrow shadow="md" withinPortal trapFocus returnFocus>
      <Popover.Target>
        <UnstyledButton className={css.info} aria-label={`Where ${props.name.toLowerCase()} comes from`}>
          <Icon name="info" size={14} />
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown className={css.popover} aria-label={`Where ${props.name.toLowerCase()} comes from`}>
        <p>
          <Words text={props.about} />
        </p>
        {props.estimated && <p>{props.estimated}</p>}
        {answer && (
          <>
            <ul>
              {answer.evidence.map((one) => (
                <li key={one.dataset}>
                  <code>{one.dataset}</code>
                  {one.version !== null && ` version ${one.version}`}
                  {one.newest && `, to ${one.newest}`}
                  {one.windows.length > 0 && <span className={css.against}> {one.windows.map(windowName).join(", ")}</span>}
                </li>
              ))}
            </ul>
            <p className={css.against}>As of {moment(answer.as_of)}</p>
            <To path={`/lineage/${answer.capability}/${answer.tool}`} search={{ of: encode(given(answer)).slice(1) }}>
              Show lineage
            </To>
          </>
        )}
      </Popover.Dropdown>
    </Popover>
  );
}

function given(answer: Document): Record<string, string> {
  const found = Object.entries(answer.arguments).filter(([, value]) => value !== null);
  return Object.fromEntries(found.map(([name, value]) => [name, String(value)]));
}
