import { useEffect, useRef, useState, type ReactNode } from "react";
import { useDocument, type Schemas } from "../api/client";
import { useUrl } from "../ui/address";
import type { Column } from "../ui/columns";
import { Button, Choose, Select } from "../ui/controls";
import { DecisionCard, seen, StateOf, type Decision } from "../ui/decision";
import { AnswerPanel, Page } from "../ui/page";
import { Await, Empty } from "../ui/states";
import { DataTable } from "../ui/table";
import css from "./insights.module.css";

type Verdict = Schemas["Verdict"];
type Opened = { id: number; verdict: Verdict } | null;

const SHOWN = [
  ["waiting", "Waiting"],
  ["history", "History"],
] as const;
const PATIENCE = 1_200;

/** One queue of everything that waits for a person. */
export function Decisions(): ReactNode {
  const [search] = useUrl();
  return (
    <Page title="Decisions" lead="What waits for a person, exactly as it will be done. Nothing is done before somebody says yes." actions={<Choose name="show" label="Which decisions" options={SHOWN} />}>
      {search.show === "history" ? <History /> : <Waiting />}
    </Page>
  );
}

const whatOf = (one: Decision) => `${one.capability}.${one.tool}`;

function Waiting(): ReactNode {
  const [search, set] = useUrl();
  const query = useDocument<Schemas["DecisionPage"]>("api/v1/decisions?state=proposed&state=approved&limit=200", { stale: 0 });
  const [decided, setDecided] = useState<Decision[]>([]);
  const [opened, setOpened] = useState<Opened>(null);
  const list = useRef<HTMLOListElement>(null);
  useVerdictKeys(list, (id, verdict) => setOpened({ id, verdict }));
  // News that it is over may take a card away before its own answer brings it back: focus is on the new one then.
  const last = decided[0]?.id;
  useEffect(() => {
    if (last !== undefined) list.current?.querySelector<HTMLElement>(`[data-decision="${last}"]`)?.focus();
  }, [last]);
  return (
    <Await query={query} height={260} what="what waits">
      {(page) => {
        // What was decided here stays in sight, above what waits.
        const ids = new Set(decided.map((one) => one.id));
        const all = [...decided, ...page.decisions.filter((one) => !ids.has(one.id))];
        const kinds = [...new Set(all.map(whatOf))].sort();
        const kind = kinds.find((one) => one === search.what);
        const shown = kind ? all.filter((one) => whatOf(one) === kind) : all;
        if (shown.length === 0) {
          return (
            <Empty icon="check" title="Nothing waits for a decision">
              What an agent proposes appears here, and what somebody leaves to others: <code>tenantry … --propose</code>.
            </Empty>
          );
        }
        return (
          <div className={css.list}>
            <p role="status">
              {page.waiting} {page.waiting === 1 ? "decision waits" : "decisions wait"}
              {page.next !== null && ", the newest 200 are shown"}. Keys: <kbd>a</kbd> to approve, <kbd>r</kbd> to reject; both ask once more.
            </p>
            {kinds.length > 1 && (
              <p>
                <Select label="What is proposed" value={kind ?? ""} choose={(value) => set({ what: value || undefined })} options={[["", "Any tool"], ...kinds.map((one): [string, string] => [one, one])]} />
              </p>
            )}
            <ol className={css.list} ref={list}>
              {shown.map((one) => (
                <li key={one.id}>
                  <DecisionCard
                    decision={one}
                    opened={opened?.id === one.id ? opened.verdict : null}
                    open={(verdict) => setOpened(verdict && { id: one.id, verdict })}
                    decided={(now) => setDecided((all) => [now, ...all.filter((other) => other.id !== now.id)])}
                  />
                </li>
              ))}
            </ol>
          </div>
        );
      }}
    </Await>
  );
}

/** `a` and `r` open the last step of the card in focus, else of the first that waits. They never decide. */
function useVerdictKeys(list: { current: HTMLElement | null }, open: (id: number, verdict: Verdict) => void): void {
  const went = useRef(0);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.metaKey || event.ctrlKey || event.altKey || target.closest("input, textarea, select, [role=dialog]")) return;
      if (event.key === "g") went.current = Date.now(); // begins the key of another page
      const verdict = ({ a: "approve", r: "reject" } as const)[event.key];
      if (!verdict || Date.now() - went.current < PATIENCE) return;
      const near = target.closest<HTMLElement>("[data-decision]");
      const waits = [...(list.current?.querySelectorAll<HTMLElement>("[data-decision]:has([aria-keyshortcuts=a])") ?? [])];
      const card = near && waits.includes(near) ? near : waits[0];
      if (!card) return;
      event.preventDefault();
      open(Number(card.dataset.decision), verdict);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  });
}

type Past = Omit<Decision, "arguments" | "problem"> & { what: string; arguments: string; problem: string };

function past(one: Decision): Past {
  const given = Object.entries(one.arguments).filter(([, value]) => value !== null);
  return {
    ...one,
    what: `${one.capability}.${one.tool}`,
    arguments: given.map(([name, value]) => `${name} = ${seen(JSON.stringify(value))}`).join("\n"),
    proposed_by: one.agent ? `agent of ${one.agent}, for ${one.proposed_by}` : one.proposed_by,
    problem: one.problem?.message ?? "",
  };
}

const COLUMNS: Column<Past>[] = [
  { key: "id", title: "No.", kind: "count", phone: true },
  { key: "what", title: "What", phone: true, show: (one) => <code>{one.what}</code> },
  { key: "arguments", title: "Arguments", show: (one) => <code style={{ whiteSpace: "pre-wrap" }}>{one.arguments}</code> },
  { key: "state", title: "State", phone: true, show: (one) => <StateOf state={one.state} /> },
  { key: "proposed_by", title: "Proposed by" },
  { key: "decided_by", title: "Decided by" },
  { key: "ended_at", title: "When", kind: "moment" },
  { key: "note", title: "Note" },
  { key: "problem", title: "Problem" },
];

function History(): ReactNode {
  const [search, set] = useUrl();
  const before = /^\d+$/.test(search.before ?? "") ? `&before=${search.before!}` : "";
  const query = useDocument<Schemas["DecisionPage"]>(`api/v1/decisions?state=acted&state=failed&state=rejected&state=expired&limit=200${before}`, { stale: 0 });
  return (
    <AnswerPanel title="Decided" query={query}>
      {(page) => (
        <DataTable name="Decisions" id="past." rows={page.decisions.map(past)} columns={COLUMNS} sort="-id" facets={["capability", "state", "decided_by"]} rowKey={(one) => String(one.id)}
          tools={page.next !== null && <Button size="compact-sm" variant="default" onClick={() => set({ before: String(page.next) })}>Earlier ones</Button>}
          empty={<Empty title="Nothing was decided yet">What was approved, rejected or has expired appears here.</Empty>} />
      )}
    </AnswerPanel>
  );
}
