import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { Problem, send, useSession, useTool, type Row } from "../api/client";
import type { Hue, Spec } from "../charts/spec";
import { change, money, numeric, ratio } from "../format/numbers";
import { monthName } from "../format/times";
import { tenantPath, To, useChoice, useUrl } from "../ui/address";
import { inCurrency } from "../ui/answers";
import { Chart } from "../ui/chart";
import { Button, Choose, CurrencyChoice, Field, Fields } from "../ui/controls";
import { Lineage } from "../ui/figure";
import { AsOf, Chip, Page, Panel } from "../ui/page";
import { Await, Empty, Failed } from "../ui/states";
import css from "./insights.module.css";

type Finding = Row<"cost_insights.findings">;

const SHOWN = [
  ["open", "Open"],
  ["dismissed", "Dismissed"],
] as const;

export function Insights(): ReactNode {
  const { window, currency } = useChoice();
  const [search] = useUrl();
  const dismissed = search.show === "dismissed";
  const query = useTool("cost_insights.findings", { window, dismissed, top: 50 });
  const all = [...new Set((query.data?.data ?? []).map((row) => row.currency))].sort();
  const rows = inCurrency(query.data?.data ?? [], currency);
  if (query.error?.status === 404 && !query.data) {
    return (
      <Page title="Insights">
        <Panel title="No findings yet">
          <Empty icon="insights" title={query.error.detail}>
            {query.error.hint || "Three whole months of data are the least; trends take six."}
          </Empty>
        </Panel>
      </Page>
    );
  }
  return (
    <Page title="Insights" lead={<>What moved, is not chance, and matters; the largest first · <AsOf answer={query.data} /></>}
      actions={
        <>
          <Choose name="show" label="Which findings" options={SHOWN} />
          <CurrencyChoice all={all} now={rows[0]?.currency ?? ""} />
          <Lineage name="findings" about="Series of twelve months are tested for trends, levels and jumps; what chance would explain is left out." answer={query.data} />
        </>
      }>
      <Await query={query} height={300} what="the findings">
        {() =>
          rows.length === 0 ? (
            <Panel title="Nothing to show">
              <Empty icon="check" title={dismissed ? "Nothing is dismissed" : "Nothing moved that is not chance and matters"} />
            </Panel>
          ) : (
            <ol className={css.list}>
              {rows.map((row) => (
                <li key={row.finding}>
                  <Card row={row} />
                </li>
              ))}
            </ol>
          )
        }
      </Await>
    </Page>
  );
}

function Card({ row }: { row: Finding }): ReactNode {
  const [open, setOpen] = useState(false);
  const worth = numeric(row.impact) ?? 0;
  return (
    <article className={css.card} aria-label={row.headline}>
      <div className={css.top}>
        <div className={css.main}>
          <h2>{row.headline}</h2>
          <p className={css.facts}>
            <Subject of={row.subject} />
            <span>since {monthName(row.since)}</span>
            <span>
              {money(row.before, row.currency)} to {money(row.after, row.currency)} a month{row.change === null ? "" : `, ${change(row.after, row.before)}`}
            </span>
            <span>{ratio(row.confidence)} sure</span>
          </p>
          {row.dismissed_by && (
            <p className={css.facts}>
              Dismissed by {row.dismissed_by}: {row.reason}
            </p>
          )}
        </div>
        <div className={css.impact}>
          <Chip mood={worth < 0 ? "bad" : "good"}>{money(row.impact, row.currency, { sign: true })} / month</Chip>
          <span>to the margin</span>
        </div>
      </div>
      <div className={css.buttons}>
        <Button size="compact-sm" variant="default" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? "Hide evidence" : "Show evidence"}
        </Button>
        {!row.dismissed_by && <Dismiss row={row} />}
      </div>
      {open && <Evidence row={row} />}
    </article>
  );
}

function Subject({ of }: { of: string }): ReactNode {
  const [level, ...rest] = of.split(":");
  const name = rest.join(":");
  const path =
    level === "tenant" ? tenantPath(name) : level === "service" ? `/services/${encodeURIComponent(name)}` : level === "feature" ? `/features/${encodeURIComponent(name)}` : null;
  return path && name ? <To path={path}>{name}</To> : <span>{of === "total" ? "the whole bill" : of.replace(":", " ")}</span>;
}

const HUES: Hue[] = ["cost", "revenue", "margin", "cat-3", "cat-4"];

function Evidence({ row }: { row: Finding }): ReactNode {
  const query = useTool("cost_insights.evidence", { finding: row.finding, window: row.made_on.slice(0, 7) });
  return (
    <div className={css.evidence}>
      <Await query={query} height={220} what="the evidence">
        {(answer) => {
          const rows = answer.data.filter((one) => one.month !== null);
          const x = [...new Set(rows.map((one) => String(one.month)))].sort();
          const names = [...new Set(rows.map((one) => one.series))];
          const amounts = rows.some((one) => one.amount !== null);
          const spec: Spec = {
            kind: "line",
            title: "The series behind it",
            unit: amounts ? row.currency : "units",
            finding: row.headline,
            x: x.map(monthName),
            series: names.map((name, nth) => ({
              name,
              hue: HUES[nth % HUES.length]!,
              values: x.map((month) => {
                const found = rows.find((one) => one.series === name && one.month === month);
                return numeric(amounts ? found?.amount : found?.units);
              }),
            })),
          };
          return x.length > 1 ? <Chart spec={spec} height={200} /> : <Empty title="It rests on a single month" />;
        }}
      </Await>
    </div>
  );
}

/** A person says why, and says it again by pressing the button under the reason. */
function Dismiss({ row }: { row: Finding }): ReactNode {
  const client = useQueryClient();
  const session = useSession();
  const [asked, setAsked] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  if (session.data && !["operator", "admin"].includes(session.data.role)) return null;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const reason = String(new FormData(event.currentTarget).get("reason"));
    send("api/v1/cost_insights/dismiss?approved=true", { finding: row.finding, reason, window: row.made_on.slice(0, 7) })
      .then(() => client.invalidateQueries({ queryKey: ["tool", "cost_insights"] }))
      .catch((error: unknown) => setProblem(error as Problem));
  };
  if (!asked) {
    return (
      <Button size="compact-sm" variant="default" onClick={() => setAsked(true)}>
        Dismiss
      </Button>
    );
  }
  return (
    <Fields submit={submit}>
      <Field label="Why it needs nobody *">
        <input name="reason" required autoFocus />
      </Field>
      <div style={{ display: "flex", gap: 8 }}>
        <Button type="submit" size="compact-md">
          Dismiss it
        </Button>
        <Button size="compact-md" variant="default" onClick={() => setAsked(false)}>
          Keep it
        </Button>
      </div>
      {problem && <Failed problem={problem} />}
    </Fields>
  );
}
