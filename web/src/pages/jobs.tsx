import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Problem, send, useDocument, useSession, type Schemas } from "../api/client";
import { useKnown, type Job } from "../api/live";
import { count } from "../format/numbers";
import { Button, IconButton } from "../ui/controls";
import type { Column } from "../ui/columns";
import { Ago, AnswerPanel, Chip, Page, type Mood } from "../ui/page";
import { Empty, Failed } from "../ui/states";
import { DataTable } from "../ui/table";

type Schedule = Schemas["ScheduleStatus"];

const WORKING = ["queued", "running"];
const MOODS: Record<string, Mood> = { succeeded: "good", failed: "bad", running: "warn" };

export function Jobs(): ReactNode {
  const jobs = useDocument<Schemas["JobPage"]>("api/v1/jobs?limit=200", { stale: 0 });
  const told = useKnown("jobs");
  const schedules = useDocument<Schemas["ScheduleList"]>("api/v1/schedules");
  return (
    <Page title="Jobs" lead="Landings, builds and capabilities’ own work: what is due, at work and done." actions={<Ask />}>
      <AnswerPanel title="Jobs" query={jobs}>
        {(page) => (
          <DataTable name="Jobs" id="job." rows={withNews(page.jobs, told)} columns={JOBS} sort="-id" facets={["kind", "state"]} rowKey={(job) => String(job.id)}
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
  { key: "step", title: "Step", show: (job) => (job.state === "running" && job.total ? `${job.step}: ${count(job.done)} of ${count(job.total)}` : job.error ? job.error.message : (job.step ?? "")) },
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
  if (problem) return <span role="alert">{problem.detail}</span>;
  if (WORKING.includes(job.state) && !job.cancelling) return <IconButton icon="close" label={`Cancel job ${job.id}`} onClick={() => act(`api/v1/jobs/${job.id}/cancel`)} />;
  if (["failed", "cancelled"].includes(job.state)) return <IconButton icon="up" label={`Try job ${job.id} again`} onClick={() => act(`api/v1/jobs/${job.id}/retry`)} />;
  return null;
}

function Ask(): ReactNode {
  const session = useSession();
  const [act, problem] = useSend();
  if (!session.data || session.data.role === "viewer") return null;
  return (
    <>
      {problem && <Failed problem={problem} />}
      <Button size="compact-md" variant="default" onClick={() => act("api/v1/jobs", { kind: "land", names: [] })}>
        Land now
      </Button>
      <Button size="compact-md" onClick={() => act("api/v1/jobs", { kind: "build", names: [] })}>
        Build now
      </Button>
    </>
  );
}
