import { useQueryClient } from "@tanstack/react-query";
import { useEffect, type ReactNode } from "react";
import { Problem, useDocument } from "../api/client";
import { useKnown, type Job } from "../api/live";
import { count, money } from "../format/numbers";
import { windowName } from "../format/times";
import { tenantPath, To } from "../ui/address";
import type { Column } from "../ui/columns";
import { AnswerPanel, Banner, Chip, Facts, Grid, Panel } from "../ui/page";
import { Await, Empty, Failed } from "../ui/states";
import { DataTable } from "../ui/table";
import css from "./bring.module.css";

interface Delivery {
  file: string;
  source: string;
  dataset: string;
  rows: number;
  accepted: number;
  quarantined: number;
}

interface Account {
  files: Delivery[];
  rows: number;
  accepted: number;
  quarantined: number;
  left_out: number;
  reasons: { file: string; reason: string; rows: number }[];
  left_aside: { file: string; reason: string }[];
  problems: { file: string; reason: string }[];
}

interface Profile {
  window: string;
  services: { service_name: string; currency: string; net: string; share: number | null }[];
  tenants: { tenant_id: string; name: string | null; currency: string; cost: string }[];
  certificate: { reconciles: boolean };
  next: { add: string; buys: string; cost: string | null; currency: string | null }[];
}

const OVER = ["succeeded", "failed", "cancelled"];
const plain = (path: string) => path.split("/").at(-1) ?? path;

/** A job that brings files, as it goes; then how each file was read, and the first answer. */
export function Came({ job: number }: { job: string }): ReactNode {
  const client = useQueryClient();
  const asked = useDocument<Job>(`api/v1/jobs/${number}`, { stale: 0 });
  const told = useKnown("jobs")[number];
  const job = told ?? asked.data;
  const done = job?.state === "succeeded";
  useEffect(() => {
    if (done) void client.invalidateQueries({ queryKey: ["tool"] });
  }, [done, client]);
  const account = (job?.steps.land ?? job?.steps.demo) as Account | undefined;
  return (
    <>
      <Await query={asked}>{() => <Progress job={job!} />}</Await>
      {account && <Read account={account} />}
      {done && (job.kind === "demo" || Boolean(job.steps.build)) && <Answer />}
      {done && job.kind === "profile" && !job.steps.build && (
        <Panel title="No bill yet">
          <Empty title="What came waits for a bill">
            There is nothing to divide before one is there. <To path="/bring">Add a bill</To>: FOCUS, CUR 2.0 or legacy CUR.
          </Empty>
        </Panel>
      )}
    </>
  );
}

function Progress({ job }: { job: Job }): ReactNode {
  const at = job.step ? `${job.step}${job.total ? `: ${count(job.done)} of ${count(job.total)}` : ""}` : "";
  return (
    <Panel title={job.kind === "demo" ? "The made-up vendor" : "Your files"}>
      <p role="status" className={css.file}>
        <Chip mood={job.state === "succeeded" ? "good" : job.state === "failed" ? "bad" : "warn"}>{job.state}</Chip>
        {job.state === "running" && at}
        {job.state === "queued" && "It waits until the jobs before it are over."}
        {job.state === "succeeded" && <To path="/">Open the overview</To>}
      </p>
      {!OVER.includes(job.state) && (
        <progress className={css.bar} aria-label="How far it is" {...(job.total ? { value: job.done, max: job.total } : {})} />
      )}
      {job.error && <Failed problem={new Problem(422, job.error.kind, job.error.message, job.error.hint, "")} />}
    </Panel>
  );
}

const FILES: Column<Delivery>[] = [
  { key: "file", title: "File", phone: true, show: (one) => plain(one.file) },
  { key: "source", title: "Read as" },
  { key: "dataset", title: "Fills", phone: true },
  { key: "rows", title: "Rows", kind: "count" },
  { key: "accepted", title: "Accepted", kind: "count" },
  { key: "quarantined", title: "Quarantined", kind: "count", phone: true },
];

function Read({ account }: { account: Account }): ReactNode {
  const apart = [
    ...account.reasons.map((one) => `${plain(one.file)}: ${count(one.rows)} ${one.rows === 1 ? "row" : "rows"} quarantined: ${one.reason}`),
    ...account.problems.map((one) => `${plain(one.file)}: ${one.reason}`),
    ...account.left_aside.map((one) => `${plain(one.file)}: left aside: ${one.reason}`),
  ];
  return (
    <Panel title="How they were read"
      note={`${count(account.rows)} rows: ${count(account.accepted)} accepted, ${count(account.quarantined)} quarantined, ${count(account.left_out)} left out.`}>
      <DataTable name="Files" id="file." rows={account.files} columns={FILES} filter={false} rowKey={(one) => `${one.file} ${one.dataset}`} />
      {apart.length > 0 && (
        <Banner>
          <ul className={css.list}>
            {apart.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </Banner>
      )}
    </Panel>
  );
}

const SERVICES: Column<Profile["services"][number]>[] = [
  { key: "service_name", title: "Service", phone: true },
  { key: "net", title: "Cost", kind: "money", phone: true },
  { key: "share", title: "Part", kind: "ratio", phone: true },
];
const TENANTS: Column<Profile["tenants"][number]>[] = [
  { key: "tenant_id", title: "Tenant", phone: true, show: (one) => one.name ?? one.tenant_id },
  { key: "cost", title: "Cost", kind: "money", phone: true },
];

/** The same as `tenantry profile` prints. */
function Answer(): ReactNode {
  const query = useDocument<Profile>("api/v1/profile", { stale: 0 });
  return (
    <AnswerPanel title="The first answer" query={query} height={300} note={query.data && windowName(query.data.window)}>
      {(found) => (
        <div style={{ display: "grid", gridTemplateColumns: "minmax(0, 1fr)", gap: 16 }}>
          <Banner mood={found.certificate.reconciles ? "good" : "bad"}>
            {found.certificate.reconciles ? "Every figure matches the bill, to the last unit." : "The figures do not match the bill: see Data health."}
          </Banner>
          <Grid>
            <DataTable name="Cost by service" id="first." rows={found.services} columns={SERVICES} filter={false} rowKey={(one) => `${one.service_name} ${one.currency}`} />
            <DataTable name="Cost by tenant" id="whose." rows={found.tenants} columns={TENANTS} filter={false} path={(one) => tenantPath(one.tenant_id)} rowKey={(one) => `${one.tenant_id} ${one.currency}`} />
          </Grid>
          {found.next.length > 0 && (
            <div>
              <h3>What to add next</h3>
              <Facts facts={found.next.map((one): [string, ReactNode] => [one.add, `${one.buys}${one.cost && one.currency ? ` (${money(one.cost, one.currency)})` : ""}`])} />
            </div>
          )}
        </div>
      )}
    </AnswerPanel>
  );
}
