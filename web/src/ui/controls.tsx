/** Small things to press and choose with. */

import { ActionIcon, Button, Tooltip, useMantineColorScheme, type ButtonProps } from "@mantine/core";
import { forwardRef, type FormEvent, type ReactNode } from "react";
import { useUrl } from "./address";
import css from "./controls.module.css";
import { Icon, type IconName } from "./icons";
import { useOnline } from "./online";

export { Button } from "@mantine/core";

/** A button that changes something on the server: not while the browser is offline. */
export function WriteButton(props: ButtonProps & { onClick?: () => void; type?: "submit" | "button"; children: ReactNode; "aria-keyshortcuts"?: string }): ReactNode {
  const online = useOnline();
  return <Button {...props} disabled={props.disabled || !online} title={online ? undefined : "This browser is offline"} />;
}

interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick?: () => void;
  pressed?: boolean;
  disabled?: boolean;
}

export const IconButton = forwardRef<HTMLButtonElement, IconButtonProps>(function IconButton(props, ref): ReactNode {
  const { icon, label, pressed, ...rest } = props;
  return (
    <Tooltip label={label} openDelay={400} withinPortal>
      <ActionIcon ref={ref} variant="subtle" color="gray" size={30} aria-label={label} aria-pressed={pressed}
        style={{ color: pressed ? "var(--link)" : "var(--muted)" }} {...rest}>
        <Icon name={icon} size={17} />
      </ActionIcon>
    </Tooltip>
  );
});

/** The colours chosen in this browser: light, dark, or auto. */
export function useColours(): [string, (colours: string) => void] {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return [colorScheme, (colours) => setColorScheme(colours as "auto")];
}

/** A native list to choose from: every phone, keyboard and screen reader knows it. */
export function Select(props: {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  choose: (value: string) => void;
}): ReactNode {
  return (
    <select className={css.select} aria-label={props.label} value={props.value} onChange={(event) => props.choose(event.target.value)}>
      {props.options.map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
}

/** One of a few, kept in the address under `name`; the first is the default and stands nowhere. */
export function Choose(props: {
  name: string;
  label: string;
  options: readonly (readonly [string, string])[];
}): ReactNode {
  const [search, set] = useUrl();
  const first = props.options[0]![0];
  const value = props.options.some(([key]) => key === search[props.name]) ? search[props.name]! : first;
  return (
    <div role="group" aria-label={props.label} className={css.choice}>
      {props.options.map(([key, text]) => (
        <button key={key} type="button" aria-pressed={key === value} onClick={() => set({ [props.name]: key === first ? undefined : key })}>
          {text}
        </button>
      ))}
    </div>
  );
}

/** Which currency to show, where there are several: they are never added. */
export function CurrencyChoice({ all, now }: { all: string[]; now: string }): ReactNode {
  const [, set] = useUrl();
  if (all.length < 2) return null;
  return <Select label="Currency" value={now} options={all.map((name) => [name, name])} choose={(value) => set({ currency: value })} />;
}

/** The same over rows that are there or not yet. */
export function CurrencyOf<T extends { currency: string }>(props: { rows: readonly T[] | undefined; weight: (row: T) => number }): ReactNode {
  const [search] = useUrl();
  return <CurrencyChoice {...currencyIn(props.rows ?? [], search.currency, props.weight)} />;
}

/** A form of fields beside one another. */
export function Fields(props: { submit: (event: FormEvent<HTMLFormElement>) => void; children: ReactNode }): ReactNode {
  return (
    <form className={css.form} onSubmit={props.submit}>
      {props.children}
    </form>
  );
}

/** A name above what one types or chooses. */
export function Field(props: { label: string; children: ReactNode; about?: string; wide?: boolean }): ReactNode {
  return (
    <label className={`${css.field} ${props.wide ? css.wide : ""}`} title={props.about}>
      <span>{props.label}</span>
      {props.children}
    </label>
  );
}

export function Code({ children }: { children: string }): ReactNode {
  return (
    <pre className={css.code} tabIndex={0}>
      {children}
    </pre>
  );
}

/** The currency chosen, else that with the largest part: that of most rows. */
export function currencyIn<T extends { currency: string }>(
  rows: readonly T[],
  chosen: string | undefined,
  weight: (row: T) => number = () => 1,
): { all: string[]; now: string } {
  const weights = new Map<string, number>();
  for (const row of rows) weights.set(row.currency, (weights.get(row.currency) ?? 0) + Math.abs(weight(row)));
  const all = [...weights.keys()].sort();
  const heaviest = [...all].sort((a, b) => weights.get(b)! - weights.get(a)!)[0] ?? "";
  return { all, now: chosen && all.includes(chosen) ? chosen : heaviest };
}
