import { useRef, useState, type DragEvent, type ReactNode } from "react";
import { csrfNow, Problem, send, useSession, type Schemas } from "../api/client";
import { useKnown, type Job } from "../api/live";
import { count } from "../format/numbers";
import { To, useGo, useUrl } from "../ui/address";
import { Code, WriteButton } from "../ui/controls";
import { Banner, Chip, Page, Panel } from "../ui/page";
import { Failed } from "../ui/states";
import css from "./bring.module.css";
import { Came } from "./came";

type Brought = Schemas["BroughtFile"];

interface File_ {
  key: number;
  name: string;
  size: number;
  part: number;
  brought?: Brought;
  problem?: Problem;
}

const AT_ONCE = 2;
const WORDS: Record<string, string> = { focus: "a bill (FOCUS)", cur: "a bill (AWS CUR)", access_log: "access logs", openapi: "an API's description", otlp: "OpenTelemetry" };

/** Files of one's own, or the made-up vendor; then how they were read, and what they say. */
export default function Bring({ first = false }: { first?: boolean }): ReactNode {
  const [search] = useUrl();
  if (search.job && /^\d+$/.test(search.job)) {
    return (
      <Page title="What came of it" crumb={{ path: "/bring", name: "Add files" }}>
        <Came job={search.job} />
      </Page>
    );
  }
  return first ? (
    <Page title="Welcome to Tenantry" lead="There are no bills in this lake yet. Three steps: choose files, see how each is recognised, load them and read the first answer.">
      <AtWork />
      <Files demo />
    </Page>
  ) : (
    <Page title="Add files" lead="Bills, tenants, usage, logs: recognised by what is in them. A bill that is restated replaces what it restates.">
      <Files />
    </Page>
  );
}

/** What somebody began elsewhere, or before: the first answer is on its way. */
function AtWork(): ReactNode {
  const jobs = Object.values(useKnown("jobs")).filter((job) => job.state === "running" || job.state === "queued");
  const job = jobs.sort((a, b) => a.id - b.id)[0];
  if (!job) return null;
  const brings = job.kind === "profile" || job.kind === "demo";
  return (
    <Banner>
      A job is {job.state === "running" ? "at work" : "waiting"}: {job.kind}{job.step && `, ${job.step}`}{job.total ? `, ${count(job.done)} of ${count(job.total)}` : ""}.{" "}
      <To path={brings ? "/bring" : `/jobs/${job.id}`} search={brings ? { job: String(job.id) } : undefined}>Watch it</To>
    </Banner>
  );
}

function Files({ demo = false }: { demo?: boolean }): ReactNode {
  const session = useSession();
  const [files, setFiles] = useState<File_[]>([]);
  const [over, setOver] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const batch = useRef(newBatch());
  const queue = useRef<(() => Promise<void>)[]>([]);
  const busy = useRef(0);
  const go = useGo();
  const may = session.data?.tenant_id === null && ["operator", "admin"].includes(session.data.role);

  const change = (key: number, patch: Partial<File_>) => setFiles((all) => all.map((one) => (one.key === key ? { ...one, ...patch } : one)));
  const next = () => {
    const work = busy.current < AT_ONCE ? queue.current.shift() : undefined;
    if (!work) return;
    busy.current += 1;
    void work().finally(() => {
      busy.current -= 1;
      next();
    });
  };
  const add = (chosen: File[]) => {
    const begin = Date.now() * 1000;
    setFiles((all) => [...all, ...chosen.map((file, nth) => ({ key: begin + nth, name: file.name, size: file.size, part: 0 }))]);
    chosen.forEach((file, nth) => {
      const key = begin + nth;
      queue.current.push(() =>
        upload(batch.current, file, (part) => change(key, { part }))
          .then((brought) => change(key, { brought, part: 1 }))
          .catch((failed: unknown) => change(key, { problem: failed as Problem })),
      );
      next();
    });
  };
  const begin = (kind: "profile" | "demo") => {
    setProblem(null);
    send<Job>("api/v1/jobs", { kind, names: kind === "profile" ? [batch.current] : [] })
      .then((job) => go("/bring", { job: String(job.id) }))
      .catch((failed: unknown) => setProblem(failed as Problem));
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (may) add([...event.dataTransfer.files]);
  };
  const good = files.filter((file) => file.brought?.kind).length;
  const waiting = files.some((file) => !file.brought && !file.problem);
  return (
    <>
      <Panel title="Your files" note="FOCUS or AWS CUR bills, tenants.csv, subscriptions.csv, usage, access logs; CSV, gzip, Parquet or JSON.">
        {session.data && !may && <Banner>You are {session.data.role}{session.data.tenant_id && ` of ${session.data.tenant_id}`}. To bring files needs the role operator of the vendor.</Banner>}
        <div className={css.drop} data-over={over} onDrop={drop} onDragLeave={() => setOver(false)}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(may);
          }}>
          <label className={css.choose}>
            Choose files
            <input type="file" multiple disabled={!may}
              onChange={(event) => {
                add([...(event.target.files ?? [])]);
                event.target.value = "";
              }} />
          </label>
          <p className={css.quiet}>or drop them here. They stay on this server.</p>
        </div>
        {files.length > 0 && (
          <ul className={css.files} aria-label="Files" aria-live="polite">
            {files.map((file) => (
              <One key={file.key} file={file} />
            ))}
          </ul>
        )}
        {problem && <Failed problem={problem} />}
        {files.length > 0 && (
          <div className={css.buttons}>
            <WriteButton disabled={waiting || good === 0} onClick={() => begin("profile")}>
              {waiting ? "Files are coming" : `Load ${good} ${good === 1 ? "file" : "files"}`}
            </WriteButton>
          </div>
        )}
      </Panel>
      {demo && (
        <Panel title="Or look at a made-up vendor first" note="14 months of bills, usage, tenants and subscriptions, with known answers. It takes about a minute.">
          <WriteButton variant="default" disabled={!may} onClick={() => begin("demo")}>
            Load demo data
          </WriteButton>
        </Panel>
      )}
      <Panel title="Or where the service runs" note="For large bills, and for what comes every day.">
        <Code>{"# once\ntenantry profile bills/ tenants.csv usage/\n# the made-up vendor\ntenantry demo\n# sources and schedules: tenantry.toml\ntenantry init"}</Code>
      </Panel>
    </>
  );
}

function One({ file }: { file: File_ }): ReactNode {
  const { brought } = file;
  return (
    <li>
      <div className={css.file}>
        <strong>{brought?.name ?? file.name}</strong>
        <span className={css.quiet}>{count(Math.ceil(file.size / 1024))} kB</span>
        {brought?.kind && (
          <Chip mood="good">
            {WORDS[brought.kind] ?? brought.kind.replaceAll("_", " ")}: fills {brought.lands.join(", ")}
          </Chip>
        )}
        {brought && !brought.kind && <Chip mood="bad">not recognised</Chip>}
        {file.problem && <Chip mood="bad">refused</Chip>}
      </div>
      {!brought && !file.problem && <progress className={css.bar} value={file.part} aria-label={`${file.name} comes`} />}
      {(brought?.problem || file.problem) && <p className={css.problem}>{brought?.problem ?? `${file.problem!.detail} ${file.problem!.hint}`}</p>}
    </li>
  );
}

function newBatch(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Sends one file, telling which part of it is there. Raises `Problem`. */
function upload(batch: string, file: File, tell: (part: number) => void): Promise<Brought> {
  return new Promise((good, bad) => {
    const sent = new XMLHttpRequest();
    sent.open("POST", new URL(`api/v1/uploads?${new URLSearchParams({ batch, name: file.name }).toString()}`, document.baseURI));
    sent.setRequestHeader("Content-Type", "application/octet-stream");
    const csrf = csrfNow();
    if (csrf) sent.setRequestHeader("X-CSRF-Token", csrf);
    sent.upload.onprogress = (event) => tell(event.lengthComputable && event.total ? event.loaded / event.total : 0);
    sent.onerror = () => bad(new Problem(0, "no answer", "The file did not arrive.", "Check the connection, then choose it again.", ""));
    sent.onload = () => {
      const said = parsed(sent.responseText);
      if (sent.status === 201) good(said as unknown as Brought);
      else bad(new Problem(sent.status, said.title ?? "", said.detail ?? `The server answered ${sent.status}.`, said.hint ?? "", ""));
    };
    sent.send(file);
  });
}

function parsed(text: string): Record<string, string> {
  try {
    return JSON.parse(text) as Record<string, string>;
  } catch {
    return {};
  }
}
