import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { Problem, send, useSession, useTool, type Row } from "../api/client";
import type { Hue, Spec } from "../charts/spec";
import { download } from "../format/csv";
import { change, money, numeric, ratio } from "../format/numbers";
import { dayName, monthName } from "../format/times";
import { tenantPath, To, useChoice, useUrl } from "../ui/address";
import { inCurrency } from "../ui/answers";
import { Chart } from "../ui/chart";
import { straight, type Column } from "../ui/columns";
import { Button, Choose, CurrencyChoice, Field, Fields, IconButton, Select, WriteButton } from "../ui/controls";
import { Lineage } from "../ui/figure";
import { AsOf, Chip, Page, Panel } from "../ui/page";
import { csvOf } from "../ui/rows";
import { Await, Empty, Failed } from "../ui/states";
import css from "./insights.module.css";

type Finding = Row<"cost_insights.findings">;

const SHOWN = [
  ["open", "Open"],
  ["dismissed", "Dismissed"],
] as const;

export function Insights(): ReactNode {
  const { window, currency } = useChoice();
  const [search, set] = useUrl();
  const dismissed = search.show === "dismissed";
  const query = useTool("cost_insights.findings", { window, dismissed, top: 50 });
  const all = [...new Set((query.data?.data ?? []).map((row) => row.currency))].sort();
  const priced = inCurrency(query.data?.data ?? [], currency);
  const levels = [...new Set(priced.map(levelOf))].sort();
  const level = levels.find((one) => one === search.level);
  const rows = level ? priced.filter((row) => levelOf(row) === level) : priced;
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
    <Page title="Insights" lead={<>What moved and matters, largest first · <AsOf answer={query.data} /></>}
      actions={
        <>
          <Choose name="show" label="Which findings" options={SHOWN} />
          {levels.length > 1 && (
            <Select label="About" value={level ?? ""} choose={(value) => set({ level: value || undefined })}
              options={[["", "About anything"], ...levels.map((one): [string, string] => [one, `About ${one === "total" ? "the whole" : `a ${one}`.replace("a tenants", "tenants")}`])]} />
          )}
          <CurrencyChoice all={all} now={rows[0]?.currency ?? ""} />
          <IconButton icon="download" label="Download findings as CSV" disabled={rows.length === 0} onClick={() => download("findings.csv", csvOf(rows, FILE))} />
          <Lineage name="findings" about="Series of twelve months are tested for trends, levels and jumps; what chance would explain is left out." answer={query.data} />
        </>
      }>
      <Await query={query} height={300} what="the findings">
        {() =>
          rows.length === 0 ? (
            <Panel title="Nothing to show">
              <Empty icon="check" title={dismissed ? "Nothing is dismissed" : "Nothing moved that is not chance and matters"}>
                {!dismissed && <>What is told comes to at least 0.5% of a month’s cost and revenue. Last looked at: <AsOf answer={query.data} />.</>}
              </Empty>
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

function levelOf(row: Finding): string {
  return row.subject.split(":")[0]!;
}

const FILE: Column<Finding>[] = [
  { key: "headline", title: "Finding" },
  { key: "subject", title: "Subject" },
  { key: "since", title: "Since" },
  { key: "before", title: "Before", kind: "money" },
  { key: "after", title: "After", kind: "money" },
  { key: "impact", title: "Impact a month", kind: "money" },
  { key: "confidence", title: "Confidence", kind: "ratio" },
  { key: "dismissed_by", title: "Dismissed by" },
  { key: "reason", title: "Reason" },
];

function Card({ row }: { row: Finding }): ReactNode {
  const [open, setOpen] = useState(false);
  const worth = numeric(row.impact) ?? 0;
  return (
    <article className={css.card} aria-label={told(row)}>
      <div className={css.top}>
        <div className={css.main}>
          <h2>{told(row)}</h2>
          <p className={css.facts}>
            <Subject of={row.subject} />
            <span>since {monthName(row.since)}</span>
            {row.change !== null && <span>{change(row.after, row.before)}</span>}
            <span>{ratio(row.confidence)} sure</span>
          </p>
          {row.dismissed_by && (
            <p className={css.facts}>
              Dismissed by {row.dismissed_by}
              {row.until && ` until ${dayName(row.until)}`}: {row.reason}
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

/** The headline as people write amounts: its own figures, in the form that all pages have. */
function told(row: Finding): string {
  const text = row.headline.replace(/([\u2212-]?[\d,]+\.\d\d) ([A-Z]{3})\b/g, (_, amount: string, currency: string) =>
    money(amount.replaceAll(",", "").replace("\u2212", "-"), currency),
  );
  return straight(text.charAt(0).toUpperCase() + text.slice(1));
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
            finding: told(row),
            x: x.map(monthName),
            series: names.map((name, nth) => ({
              name,
              hue: HUES[nth % HUES.length]!,
              values: x.map((month) => {
                const found = rows.find((one) => one.series === name && one.month === month);
                return (amounts ? found?.amount : found?.units) ?? null;
              }),
            })),
          };
          return x.length > 1 ? <Chart spec={spec} height={200} /> : <Empty title="It rests on a single month" />;
        }}
      </Await>
    </div>
  );
}

const SNOOZE = [
  ["", "for good"],
  ["7", "7 days"],
  ["30", "30 days"],
  ["90", "90 days"],
] as const;

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
    const days = Number(new FormData(event.currentTarget).get("days"));
    send("api/v1/cost_insights/dismiss?approved=true", { finding: row.finding, reason, window: row.made_on.slice(0, 7), ...(days && { days }) })
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
      <Field label="For how long">
        <select name="days">
          {SNOOZE.map(([days, text]) => (
            <option key={days} value={days}>{text}</option>
          ))}
        </select>
      </Field>
      <div style={{ display: "flex", gap: 8 }}>
        <WriteButton type="submit" size="compact-md">
          Dismiss it
        </WriteButton>
        <Button size="compact-md" variant="default" onClick={() => setAsked(false)}>
          Keep it
        </Button>
      </div>
      {problem && <Failed problem={problem} />}
    </Fields>
  );
}
