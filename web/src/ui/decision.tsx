/** A call that waits for a person, exactly as it will be made, and what a person can say to it. */

import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState, type FormEvent, type ReactNode } from "react";
import { Problem, request, send, useSession, type Schemas } from "../api/client";
import { moment } from "../format/times";
import { Button, Field, WriteButton } from "./controls";
import css from "./decision.module.css";
import { Ago, Banner, Chip, Words, type Mood } from "./page";
import { Failed } from "./states";

export type Decision = Schemas["Decision"];
type Verdict = Schemas["Verdict"];

const ROLES = ["viewer", "analyst", "operator", "admin"];
const MOODS: Record<string, Mood> = { proposed: "warn", approved: "warn", acted: "good", failed: "bad" };
const WORDS: Record<Decision["state"], string> = {
  proposed: "waits",
  approved: "at work",
  acted: "approved and done",
  failed: "approved, but failed",
  rejected: "rejected",
  expired: "expired",
};

export function StateOf({ state }: { state: Decision["state"] }): ReactNode {
  return <Chip mood={MOODS[state]}>{WORDS[state]}</Chip>;
}

/** A text without what hides or reorders others on a screen: what is approved is what is read. */
export function seen(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (one) => (one === "\n" ? one : `\\u{${one.codePointAt(0)!.toString(16)}}`));
}

/** The arguments of a call, one a line. */
function Given({ decision }: { decision: Decision }): ReactNode {
  const given = Object.entries(decision.arguments).filter(([, value]) => value !== null);
  if (given.length === 0) return <p className={css.quiet}>Without arguments.</p>;
  return (
    <dl className={css.given}>
      {given.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <code>{seen(JSON.stringify(value))}</code>
            {decision.tainted.includes(name) && <Chip mood="warn" title="The agent chose it.">nobody typed it</Chip>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** `decided` is told what became of it; with `opened` its dialog stands open with that verdict. */
export function DecisionCard(props: {
  decision: Decision;
  decided?: (decision: Decision) => void;
  opened?: Verdict | null;
  open?: (verdict: Verdict | null) => void;
}): ReactNode {
  const [own, setOwn] = useState<Verdict | null>(null);
  const [known, setKnown] = useState(props.decision);
  const [late, setLate] = useState(false);
  const card = useRef<HTMLElement>(null);
  const [opened, open] = props.open ? [props.opened ?? null, props.open] : [own, setOwn];
  // What was learnt here holds over a list that was asked for before.
  const decision = props.decision.state === "proposed" ? known : props.decision;
  const what = `${decision.capability}.${decision.tool}`;
  const over = (now: Decision, first: boolean) => {
    setKnown(now);
    setLate(!first);
    open(null);
    card.current?.focus();
    props.decided?.(now);
  };
  return (
    <article ref={card} className={css.card} tabIndex={-1} data-decision={decision.id} aria-label={`Decision ${decision.id}, ${what}`}>
      <div className={css.top}>
        <h2>
          <code>{what}</code>
        </h2>
        <StateOf state={decision.state} />
      </div>
      <p>
        <Words text={decision.about} />
      </p>
      <Given decision={decision} />
      <p className={css.quiet}>
        {decision.agent ? `The agent of ${decision.agent} proposed it to ${decision.proposed_by}` : `Proposed by ${decision.proposed_by}`} <Ago time={decision.proposed_at} />
        {decision.tenant_id && `, for tenant ${decision.tenant_id} alone`}
        {decision.state === "proposed" && `; expires ${moment(decision.expires_at)}`}
      </p>
      {decision.why && (
        <blockquote className={css.why}>
          {decision.agent && <span className={css.quiet}>Asked: </span>}
          {seen(decision.why)}
        </blockquote>
      )}
      {late && <Banner>Somebody was faster, or its time was over: this is what became of it.</Banner>}
      <Outcome decision={decision} />
      {decision.state === "proposed" && <Verdicts decision={decision} opened={opened} open={open} over={over} />}
    </article>
  );
}

function Outcome({ decision }: { decision: Decision }): ReactNode {
  if (decision.state === "proposed") return null;
  return (
    <div className={css.outcome} role="status">
      {decision.decided_by && (
        <p>
          {decision.state === "rejected" ? "Rejected" : "Approved"} by {decision.decided_by} {decision.decided_at && <Ago time={decision.decided_at} />}
          {decision.note && `: ${seen(decision.note)}`}
        </p>
      )}
      {decision.state === "approved" && <p className={css.quiet}>It is being done. If the server was stopped meanwhile, it goes on by itself.</p>}
      {decision.state === "expired" && <p>Nobody decided by {moment(decision.expires_at)}, so it cannot be approved. Propose it again.</p>}
      {decision.problem && (
        <p className={css.bad}>
          {decision.problem.message}. {decision.problem.hint}
        </p>
      )}
      {decision.result !== null && decision.result !== undefined && (
        <details>
          <summary>What it returned</summary>
          <pre className={css.result} tabIndex={0}>
            {JSON.stringify(decision.result, null, 2)}
          </pre>
        </details>
      )}
    </div>
  );
}

function Verdicts(props: {
  decision: Decision;
  opened: Verdict | null;
  open: (verdict: Verdict | null) => void;
  over: (decision: Decision, first: boolean) => void;
}): ReactNode {
  const { decision, opened, open } = props;
  const session = useSession();
  if (session.data && ROLES.indexOf(session.data.role) < ROLES.indexOf(decision.needs)) {
    return <p className={css.quiet}>To decide takes the role {decision.needs}; yours is {session.data.role}.</p>;
  }
  if (opened) return <Saying key={opened} decision={decision} verdict={opened} close={() => open(null)} over={props.over} />;
  return (
    <div className={css.buttons}>
      <WriteButton size="compact-md" onClick={() => open("approve")} aria-keyshortcuts="a">
        Approve…
      </WriteButton>
      <WriteButton size="compact-md" variant="default" onClick={() => open("reject")} aria-keyshortcuts="r">
        Reject…
      </WriteButton>
    </div>
  );
}

/** The last step: a note, and the button that does it. */
function Saying(props: { decision: Decision; verdict: Verdict; close: () => void; over: (decision: Decision, first: boolean) => void }): ReactNode {
  const { decision, verdict } = props;
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const path = `api/v1/decisions/${decision.id}`;
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const note = String(new FormData(event.currentTarget).get("note"));
    setBusy(true);
    setProblem(null);
    try {
      props.over(await send<Decision>(path, { verdict, digest: decision.digest, note }), true);
    } catch (error) {
      const found = error as Problem;
      const now = found.status === 409 ? await request<Decision>(path).catch(() => null) : null;
      if (now) props.over(now, false);
      else setProblem(found);
    } finally {
      setBusy(false);
      void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === "document" && String(queryKey[1]).startsWith("api/v1/decisions") });
    }
  };
  return (
    <form className={css.saying} onSubmit={(event) => void submit(event)} aria-label={`${verdict === "approve" ? "Approve" : "Reject"} decision ${decision.id}`}
      onKeyDown={(event) => event.key === "Escape" && props.close()}>
      <Field label="Note, kept with the decision" wide>
        <textarea name="note" maxLength={2000} rows={2} autoFocus />
      </Field>
      <div className={css.buttons}>
        <WriteButton type="submit" size="compact-md" loading={busy} color={verdict === "reject" ? "red" : undefined}>
          {verdict === "approve" ? "Approve and run" : "Reject"}
        </WriteButton>
        <Button size="compact-md" variant="default" onClick={props.close}>
          Back
        </Button>
      </div>
      {problem && <Failed problem={problem} />}
    </form>
  );
}
