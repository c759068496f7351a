/** Which months to show, and what to compare them with. */

import { Button, Popover } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useState, type ReactNode } from "react";
import { useTool } from "../api/client";
import { monthName, readWindow, shiftMonths, windowName } from "../format/times";
import { useChoice, usePath, useUrl } from "./address";
import { Select } from "./controls";
import { Icon } from "./icons";
import { placeOf } from "./places";
import css from "./range.module.css";

export function RangeChoice(): ReactNode {
  const [search, set] = useUrl();
  const [opened, { toggle, close }] = useDisclosure(false);
  const reads = placeOf(usePath())?.reads;
  const months = useTool("overview.months");
  const all = [...new Set((months.data?.data ?? []).map((row) => row.month))].sort();
  const whole = [...new Set((months.data?.data ?? []).filter((row) => row.whole).map((row) => row.month))].sort();
  const newest = whole.at(-1) ?? all.at(-1);
  const wrong = search.range !== undefined && readWindow(search.range) === null;
  const name = wrong ? "Not a range" : search.range ? windowName(search.range) : newest ? monthName(newest) : "Newest month";
  const choose = (range: string | undefined) => {
    set({ range });
    close();
  };
  if (!reads) return null;
  return (
    <>
      <Popover opened={opened} onChange={toggle} position="bottom-start" withinPortal trapFocus returnFocus shadow="md">
        <Popover.Target>
          <Button variant="default" size="compact-md" className={css.button} onClick={toggle} aria-label={`Range: ${name}`}
            leftSection={<Icon name="calendar" size={15} />} rightSection={<Icon name="chevron" size={13} />}>
            {name}
          </Button>
        </Popover.Target>
        <Popover.Dropdown aria-label="Range" className={css.choices}>
          <div className={css.presets}>
            <Preset text="Newest whole month" on={!search.range} choose={() => choose(undefined)} />
            {newest &&
              [3, 6, 12].map((many) => {
                const range = `${shiftMonths(newest, 1 - many)}..${shiftMonths(newest, 1)}`;
                return <Preset key={many} text={`Last ${many} months`} on={search.range === range} choose={() => choose(range)} />;
              })}
          </div>
          <ul className={css.months} aria-label="Months">
            {[...all].reverse().slice(0, 18).map((month) => {
              const range = `${month}..${shiftMonths(month, 1)}`;
              return (
                <li key={month}>
                  <Preset text={monthName(month)} on={search.range === range} choose={() => choose(range)} />
                </li>
              );
            })}
          </ul>
          <Own first={all[0]} last={all.at(-1)} choose={choose} />
        </Popover.Dropdown>
      </Popover>
      {reads === "both" && <Compare first={all[0]} last={all.at(-1)} />}
    </>
  );
}

const OTHER = "other";

function Compare({ first, last }: { first?: string; last?: string }): ReactNode {
  const [, set] = useUrl();
  const { compare, against } = useChoice();
  const [opened, { open, close }] = useDisclosure(false);
  const choose = (value: string | undefined) => {
    set({ compare: value === "previous" ? undefined : value });
    close();
  };
  return (
    // Its roles would make a button of what the list is in.
    <Popover opened={opened} onClose={close} position="bottom-start" withinPortal trapFocus returnFocus shadow="md" withRoles={false}>
      <Popover.Target>
        <span className={css.compare}>
          <Select label="Compare with" value={against ?? compare} choose={(value) => (value === OTHER ? open() : choose(value))}
            options={[
              ["previous", "vs previous"],
              ["year", "vs year before"],
              ...(against ? ([[against, `vs ${windowName(against)}`]] as const) : []),
              [OTHER, "vs other months…"],
              ["none", "no comparison"],
            ]} />
        </span>
      </Popover.Target>
      <Popover.Dropdown role="dialog" aria-label="Months to compare with" className={css.choices}>
        <Own key={against} first={readWindow(against)?.start ?? first} last={against ? shiftMonths(readWindow(against)!.end, -1) : last} choose={choose} />
      </Popover.Dropdown>
    </Popover>
  );
}

function Preset({ text, on, choose }: { text: string; on: boolean; choose: () => void }): ReactNode {
  return (
    <button type="button" className={css.preset} aria-pressed={on} onClick={choose}>
      {text}
    </button>
  );
}

function Own(props: { first?: string; last?: string; choose: (range: string) => void }): ReactNode {
  const [from, setFrom] = useState(props.first?.slice(0, 7) ?? "");
  const [to, setTo] = useState(props.last?.slice(0, 7) ?? "");
  const right = /^\d{4}-\d{2}$/.test(from) && /^\d{4}-\d{2}$/.test(to) && from <= to;
  return (
    <form
      className={css.own}
      onSubmit={(event) => {
        event.preventDefault();
        if (right) props.choose(`${from}-01..${shiftMonths(`${to}-01`, 1)}`);
      }}
    >
      <label>
        From <input type="month" value={from} onChange={(event) => setFrom(event.target.value)} />
      </label>
      <label>
        to <input type="month" value={to} onChange={(event) => setTo(event.target.value)} />
      </label>
      <Button type="submit" size="compact-sm" disabled={!right}>
        Show
      </Button>
    </form>
  );
}
