import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Problem, send, useDocument, useSession, type Schemas } from "../api/client";
import { useKnown, type Job } from "../api/live";
import { count } from "../format/numbers";
import { To, usePathParams } from "../ui/address";
import { Code, IconButton, WriteButton } from "../ui/controls";
import type { Column } from "../ui/columns";
import { Ago, AnswerPanel, Banner, Chip, Facts, Page, Panel, type Mood } from "../ui/page";
import { useOnline } from "../ui/online";
import { Await, Empty, Failed } from "../ui/states";
import { DataTable } from "../ui/table";

type Schedule = Schemas["ScheduleStatus"];

const LONGEST = 20_000;
const WORKING = ["queued", "running"];
const MOODS: Record<string, Mood> = { succeeded: "good", partial: "warn", failed: "bad", running: "warn" };

export function Jobs(): ReactNode {
  const jobs = useDocument<Schemas["JobPage"]>("api/v1/jobs?limit=200", { stale: 0 });
  const told = useKnown("jobs");
  const schedules = useDocument<Schemas["ScheduleList"]>("api/v1/schedules");
  return (
    <Page title="Jobs" lead="Landings, builds and capabilities’ own work: what is due, at work and done." actions={<Ask />}>
      <AnswerPanel title="Jobs" query={jobs}>
        {(page) => (
          <DataTable name="Jobs" id="job." rows={withNews(page.jobs, told)} columns={JOBS} sort="-id" facets={["kind", "state"]} rowKey={(job) => String(job.id)}
            path={(job) => `/jobs/${job.id}`}
            empty={<Empty title="No job was asked for yet">Press “Build now”, or set a schedule: <code>[schedules]</code> in tenantry.toml.</Empty>} />
        )}
      </AnswerPanel>
      <AnswerPanel title="Schedules" query={schedules}>
        {(found) => (
          <DataTable name="Schedules" id="due." rows={found.schedules} columns={SCHEDULES} sort="next_due" filter={false}
            empty={<Empty title="Nothing is scheduled">A schedule in tenantry.toml lands and builds every night: <code>[schedules.nightly]</code>.</Empty>} />
        )}
      </AnswerPanel>
    </Page>
  );
}

/** The jobs that were asked for, as they are by now, and those that came since. */
function withNews(jobs: Job[], told: Record<string, Job>): Job[] {
  const all = new Map(jobs.map((job) => [job.id, job]));
  for (const job of Object.values(told)) all.set(job.id, job);
  return [...all.values()];
}

const JOBS: Column<Job>[] = [
  { key: "id", title: "Job", kind: "count", phone: true },
  { key: "kind", title: "Does", phone: true, show: (job) => `${job.kind} ${job.names.join(", ")}` },
  { key: "state", title: "State", phone: true, show: (job) => <Chip mood={MOODS[job.state]}>{job.cancelling ? "cancelling" : job.state}</Chip> },
  { key: "step", title: "Step", show: (job) => job.error?.message ?? stepOf(job) },
  { key: "asked_by", title: "Asked by" },
  { key: "queued_at", title: "Asked", kind: "moment", show: (job) => <Ago time={job.queued_at} /> },
  { key: "ended_at", title: "Ended", kind: "moment", show: (job) => (job.ended_at ? <Ago time={job.ended_at} /> : "") },
  { key: "do", title: "", show: (job) => <Actions job={job} /> },
];

const SCHEDULES: Column<Schedule>[] = [
  { key: "name", title: "Schedule", phone: true },
  { key: "cron", title: "When (UTC)", phone: true, show: (one) => <code>{one.cron}</code> },
  { key: "job", title: "Does", show: (one) => `${one.job} ${one.names.join(", ")}` },
  { key: "next_due", title: "Next", kind: "moment", phone: true },
  { key: "last_job", title: "Last", show: (one) => (one.last_job ? <Chip mood={MOODS[one.last_job.state]}>{one.last_job.state}</Chip> : "never") },
];

/** One job: why it failed, how far it is, and what its steps came to. */
export function OneJob(): ReactNode {
  const id = usePathParams().id ?? "";
  const asked = useDocument<Job>(`api/v1/jobs/${encodeURIComponent(id)}`, { stale: 0 });
  const told = useKnown("jobs")[id];
  const job = told ?? asked.data;
  return (
    <Page title={`Job ${id}`} crumb={{ path: "/jobs", name: "Jobs" }} lead={job && `${job.kind} ${job.names.join(", ")}`} actions={job && <Actions job={job} />}>
      <Await query={asked} height={220} what="the job">
        {() => <Log job={job!} />}
      </Await>
    </Page>
  );
}

function Log({ job }: { job: Job }): ReactNode {
  const steps = Object.entries(job.steps);
  return (
    <>
      {job.error && (
        <Banner mood="bad">
          <strong>{job.error.message}</strong>
          {job.error.hint && `. ${job.error.hint}`}
        </Banner>
      )}
      <Panel title="How it went">
        <Facts
          facts={[
            ["State", <Chip key="state" mood={MOODS[job.state]}>{job.cancelling ? "cancelling" : job.state}</Chip>],
            ["Step", stepOf(job) || "none"],
            ["Asked by", job.schedule ? `schedule ${job.schedule}` : job.asked_by],
            ["Asked", <Ago key="asked" time={job.queued_at} />],
            ["Begun", job.started_at ? <Ago key="begun" time={job.started_at} /> : "not yet"],
            ["Ended", job.ended_at ? <Ago key="ended" time={job.ended_at} /> : "not yet"],
            ["Attempts", count(job.attempts)],
          ]}
        />
        {job.state === "running" && <progress style={{ width: "100%", marginTop: 12 }} aria-label="How far it is" {...(job.total ? { value: job.done, max: job.total } : {})} />}
        {["profile", "demo"].includes(job.kind) && (
          <p style={{ marginTop: 12 }}>
            <To path="/bring" search={{ job: String(job.id) }}>What came of it</To>
          </p>
        )}
      </Panel>
      <Panel title="Log" note="The steps that are done, and what each came to.">
        {steps.length === 0 ? (
          <Empty icon="jobs" title="No step is done yet" />
        ) : (
          <ol style={{ display: "grid", gap: 8 }}>
            {steps.map(([name, found]) => (
              <li key={name}>
                <details open={steps.length === 1}>
                  <summary>{name}</summary>
                  <Code>{JSON.stringify(found, null, 1).slice(0, LONGEST)}</Code>
                </details>
              </li>
            ))}
          </ol>
        )}
      </Panel>
    </>
  );
}

function stepOf(job: Job): string {
  return job.state === "running" && job.total ? `${job.step}: ${count(job.done)} of ${count(job.total)}` : (job.step ?? "");
}

function useSend(): [(path: string, body?: unknown) => void, Problem | null] {
  const client = useQueryClient();
  const [problem, setProblem] = useState<Problem | null>(null);
  const act = (path: string, body?: unknown) => {
    setProblem(null);
    send(path, body)
      .then(() => client.invalidateQueries({ queryKey: ["document"] }))
      .catch((error: unknown) => setProblem(error as Problem));
  };
  return [act, problem];
}

function Actions({ job }: { job: Job }): ReactNode {
  const [act, problem] = useSend();
  const online = useOnline();
  if (problem) return <span role="alert">{problem.detail}</span>;
  if (WORKING.includes(job.state) && !job.cancelling) return <IconButton icon="close" label={`Cancel job ${job.id}`} disabled={!online} onClick={() => act(`api/v1/jobs/${job.id}/cancel`)} />;
  if (["partial", "failed", "cancelled"].includes(job.state)) return <IconButton icon="up" label={`Try job ${job.id} again`} disabled={!online} onClick={() => act(`api/v1/jobs/${job.id}/retry`)} />;
  return null;
}

function Ask(): ReactNode {
  const session = useSession();
  const [act, problem] = useSend();
  if (!session.data || session.data.role === "viewer") return null;
  return (
    <>
      {problem && <Failed problem={problem} />}
      <WriteButton size="compact-md" variant="default" onClick={() => act("api/v1/jobs", { kind: "land", names: [] })}>
        Land now
      </WriteButton>
      <WriteButton size="compact-md" onClick={() => act("api/v1/jobs", { kind: "build", names: [] })}>
        Build now
      </WriteButton>
    </>
  );
}
