import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { Problem, request, stream, useDocument, type Evidence, type Schemas } from "../api/client";
import type { Hue, Spec } from "../charts/spec";
import { download, toCsv } from "../format/csv";
import { moment } from "../format/times";
import { encode } from "../url";
import { To, useBecome, usePathParams, useUrl } from "../ui/address";
import { Chart } from "../ui/chart";
import { straight } from "../ui/columns";
import { Button, IconButton } from "../ui/controls";
import { DecisionCard, type Decision } from "../ui/decision";
import { Ago, Chip, Page, Panel } from "../ui/page";
import { Failed, Loading } from "../ui/states";
import css from "./ask.module.css";

interface Call {
  capability: string;
  tool: string;
  arguments: Record<string, unknown>;
  evidence: Evidence[];
}

interface Fact {
  handle: string;
  currency: string | null;
}

interface Answer {
  question: string;
  outcome: "answered" | "asked" | "refused";
  text: string;
  facts: Fact[];
  tables: { columns: string[]; rows: { text: string }[][] }[];
  charts: { kind: string; places: string[]; series: { name: string; values: (string | null)[]; handles: string[] }[] }[];
  choices: { title: string }[];
  can: string[];
  notes: string[];
  trace: Call[];
  as_of: string;
  conversation: string | null;
  decisions: Decision[];
}

interface Turn {
  question: string;
  text: string;
  steps: string[];
  decisions: Decision[];
  answer?: Answer;
  problem?: Problem;
  stopped?: boolean;
}

const VIEWS = 3;
const EXAMPLES = ["Which five tenants cost most last month?", "cost by tier since June, by month", "What is our margin by tier?", "revenue by tenant in Q3"];

/** Questions in plain words. Every figure of an answer comes from a tool, and its calls stand below it. */
export function Ask(): ReactNode {
  const [search] = useUrl();
  const { id } = usePathParams();
  const become = useBecome();
  const [turns, setTurns] = useState<Turn[]>([]);
  const [busy, setBusy] = useState<AbortController | null>(null);
  const [text, setText] = useState("");
  const [made, setMade] = useState<Decision[]>([]);
  const [opening, setOpening] = useState<string | Problem | null>(null);
  const begun = useRef(false);

  const change = (patch: (turn: Turn) => Turn) => setTurns((all) => (all.length ? [...all.slice(0, -1), patch(all.at(-1)!)] : all));
  const conversation = turns.findLast((turn) => turn.answer)?.answer?.conversation ?? undefined;
  const ask = (question: string) => {
    setText("");
    begin(question, { question, conversation });
  };
  const begin = (question: string, body: object) => {
    const stop = new AbortController();
    setOpening(null);
    setBusy(stop);
    setTurns((all) => [...all, { question, text: "", steps: [], decisions: [] }]);
    const cut = new Problem(0, "no answer", "The answer was cut off.", "Ask again.", "");
    let over = false;
    stream("api/v1/ask", body, ({ event, data }) => {
      over ||= event === "done" || event === "error";
      change((turn) => told(turn, event, data));
    }, stop.signal)
      .then(() => {
        if (!over) throw cut;
      })
      .catch((error: unknown) => {
        change((turn) => (stop.signal.aborted ? { ...turn, stopped: true } : { ...turn, problem: error instanceof Problem ? error : cut }));
      })
      .finally(() => setBusy(null));
  };
  // An address with a question is a question.
  useEffect(() => {
    if (search.q && !id && !begun.current) ask(search.q);
    begun.current = true;
  }, []);
  // A conversation has an address of its own, under which it is opened again.
  useEffect(() => {
    if (conversation && !busy) become(`/ask/${conversation}`);
  }, [conversation, busy]);
  const open = (name: string) => {
    setOpening(name);
    request<Schemas["ConversationShown"]>(`api/v1/ask/${encodeURIComponent(name)}`)
      .then(({ answers }) => {
        setTurns((answers as unknown as Answer[]).map((answer) => ({ question: answer.question, text: answer.text, steps: [], decisions: answer.decisions, answer })));
        setOpening(null);
      })
      .catch((error: unknown) => setOpening(error as Problem));
  };
  useEffect(() => {
    if (id === conversation) return;
    busy?.abort();
    setTurns([]);
    setOpening(null);
    if (id) open(id);
  }, [id]);
  // What was decided here is gone on with, one after the other.
  useEffect(() => {
    const [first, ...rest] = made;
    if (busy || !first) return;
    setMade(rest);
    begin(`Decision ${first.id} is made: what came of it?`, { decision: first.id, conversation });
  }, [busy, made]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() && !busy) ask(text.trim());
  };
  return (
    <Page
      title="Ask"
      lead="In plain words. Figures come from tools alone, never from a model."
      actions={turns.length > 0 && <To path="/ask">New conversation</To>}
    >
      <div className={css.log} role="log" aria-live="polite" aria-label="Answers">
        {turns.map((turn, nth) => (
          <One key={nth} turn={turn} ask={ask} again={() => ask(turn.question)} working={busy !== null && nth === turns.length - 1} decided={(one) => setMade((all) => [...all, one])} />
        ))}
      </div>
      {typeof opening === "string" && <Loading what="the conversation" />}
      {opening instanceof Problem && <Failed problem={opening} again={() => id && open(id)} />}
      {turns.length === 0 && !opening && (
        <Panel title="For example">
          <ul className={css.examples}>
            {EXAMPLES.map((one) => (
              <li key={one}>
                <Button size="compact-md" variant="default" onClick={() => ask(one)}>
                  {one}
                </Button>
              </li>
            ))}
          </ul>
          <p className={css.quiet}>
            It works without a language model. With one (<To path="/settings">Settings</To>) answers are worded by it, and say so.
          </p>
        </Panel>
      )}
      {turns.length === 0 && !opening && <Earlier />}
      <form className={css.form} onSubmit={submit}>
        <input aria-label="Question" placeholder="What do you want to know?" value={text} onChange={(event) => setText(event.target.value)} maxLength={1000} />
        {busy ? (
          <Button variant="default" onClick={() => busy.abort()}>
            Stop
          </Button>
        ) : (
          <Button type="submit" disabled={!text.trim()}>
            Ask
          </Button>
        )}
      </form>
    </Page>
  );
}

/** What this person asked before. */
function Earlier(): ReactNode {
  const { data } = useDocument<Schemas["Conversations"]>("api/v1/ask", { stale: 0 });
  if (!data?.conversations.length) return null;
  return (
    <Panel title="Earlier conversations">
      <ul className={css.earlier}>
        {data.conversations.map((one) => (
          <li key={one.conversation}>
            <To path={`/ask/${one.conversation}`}>{sentence(one.question)}</To>{" "}
            <span className={css.quiet}>
              {one.answers} {one.answers === 1 ? "answer" : "answers"}, <Ago time={one.at} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function told(turn: Turn, event: string, data: unknown): Turn {
  switch (event) {
    case "token":
      return { ...turn, text: turn.text + (data as { text: string }).text };
    case "tool_start": {
      const call = data as Call;
      return { ...turn, steps: [...turn.steps, `${call.capability}.${call.tool}`] };
    }
    case "approval_required":
      return { ...turn, decisions: [...turn.decisions, data as Decision] };
    case "error": {
      const said = data as { title: string; status: number; detail: string; hint: string };
      return { ...turn, problem: new Problem(said.status, said.title, said.detail, said.hint, "") };
    }
    case "done":
      return { ...turn, text: (data as Answer).text, answer: data as Answer };
    default:
      return turn;
  }
}

function One(props: { turn: Turn; working: boolean; ask: (question: string) => void; again: () => void; decided: (decision: Decision) => void }): ReactNode {
  const { turn } = props;
  const { answer } = turn;
  return (
    <article className={css.turn} aria-label={turn.question}>
      <h2>{sentence(turn.question)}</h2>
      {props.working && !turn.text && <p className={css.quiet}>{turn.steps.length ? `Asking ${turn.steps.at(-1)}` : "Reading the question"}</p>}
      {turn.text && <p className={css.text}>{straight(turn.text)}</p>}
      {turn.stopped && <p className={css.quiet}>Stopped.</p>}
      {turn.problem && <Failed problem={turn.problem} again={props.again} />}
      {turn.decisions.map((one) => (
        <DecisionCard key={one.id} decision={one} decided={props.decided} />
      ))}
      {answer && <Rest answer={answer} question={sentence(turn.question)} ask={props.ask} />}
    </article>
  );
}

function Rest({ answer, question, ask }: { answer: Answer; question: string; ask: (question: string) => void }): ReactNode {
  const offered = answer.outcome === "asked" ? answer.choices.map((one) => one.title) : answer.can;
  return (
    <>
      {answer.notes.map((note) => (
        <p key={note} className={css.quiet}>
          {note}
        </p>
      ))}
      {answer.charts.map((_, nth) => (
        <Chart key={nth} spec={specOf(answer, nth, question)} height={240} said />
      ))}
      {answer.tables.map((table, nth) => (
        <div key={nth} className={css.table} tabIndex={0} role="region" aria-label={`Table ${nth + 1} of the answer`}>
          <IconButton icon="download" label={`Download table ${nth + 1} as CSV`}
            onClick={() => download(`answer-${nth + 1}.csv`, toCsv(table.columns, table.rows.map((row) => row.map((cell) => cell.text))))} />
          <table>
            <thead>
              <tr>
                {table.columns.map((name, at) => (
                  <th key={name} scope="col" data-number={isAmount(table.rows[0]?.[at]?.text)}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((row, at) => (
                <tr key={at}>
                  {row.map((cell, column) => (
                    <td key={column} data-number={isAmount(cell.text)}>{cell.text}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ))}
      {answer.trace.length > 0 && (
        <p className={css.quiet}>
          Open as a view:{" "}
          {answer.trace.slice(0, VIEWS).map((call, nth) => (
            <span key={nth}>
              {nth > 0 && ", "}
              <To path={`/explore/${call.capability}`} search={viewOf(call)}>{`${call.capability}.${call.tool}`}</To>
            </span>
          ))}
        </p>
      )}
      {offered.length > 0 && (
        <ul className={css.examples} aria-label="What can be asked">
          {offered.map((one) => (
            <li key={one}>
              <Button size="compact-md" variant="default" onClick={() => ask(one)}>
                {one}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {answer.trace.length > 0 && (
        <details className={css.quiet}>
          <summary>
            {answer.trace.length} {answer.trace.length === 1 ? "call" : "calls"}, as of {moment(answer.as_of)}
          </summary>
          <ul>
            {answer.trace.map((call, nth) => (
              <li key={nth}>
                <To path={`/lineage/${call.capability}/${call.tool}`} search={{ of: encode(given(call)).slice(1) }}>{`${call.capability}.${call.tool}`}</To>{" "}
                {call.evidence.map((one) => (
                  <Chip key={one.dataset}>{one.dataset}</Chip>
                ))}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

/** Figures stand under one another by their last digit. */
function isAmount(text: string | undefined): boolean {
  return text !== undefined && /^[\u2212+-]?[\d,]+(\.\d+)?( ?%| [A-Z]{3})?$/.test(text);
}

function given(call: Call): Record<string, string> {
  return Object.fromEntries(Object.entries(call.arguments).filter(([, value]) => value !== null).map(([name, value]) => [name, String(value)]));
}

/** A call as its form on the page of its capability. */
function viewOf(call: Call): Record<string, string> {
  return { tool: call.tool, ...Object.fromEntries(Object.entries(given(call)).map(([name, value]) => [`a.${name}`, value])) };
}

function specOf(answer: Answer, nth: number, question: string): Spec {
  const chart = answer.charts[nth]!;
  const first = chart.series[0]?.handles[0];
  const unit = answer.facts.find((fact) => fact.handle === first)?.currency ?? "";
  return {
    kind: chart.kind === "line" ? "line" : "ranks",
    title: answer.charts.length > 1 ? `${question}, ${nth + 1}` : question,
    unit,
    finding: answer.text.split("\n")[0] ?? "",
    x: chart.places,
    series: chart.series.map((one, at) => ({ name: one.name, hue: `cat-${at % 5}` as Hue, values: one.values })),
  };
}
