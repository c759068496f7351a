import { useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Problem, send, useDocument, useSession, useTool, type Row } from "../api/client";
import type { Spec } from "../charts/spec";
import { count, money, ratio } from "../format/numbers";
import { windowName } from "../format/times";
import { To, useChoice } from "../ui/address";
import { inCurrency, ToolPanel } from "../ui/answers";
import { Chart } from "../ui/chart";
import { currencyOf, heading, type Column, type Record_ } from "../ui/columns";
import { WriteButton } from "../ui/controls";
import { seen } from "../ui/decision";
import { Lineage } from "../ui/figure";
import { AnswerPanel, Banner, Chip, Facts, Grid, Page } from "../ui/page";
import { Empty, Failed } from "../ui/states";
import { DataTable } from "../ui/table";

export function Health(): ReactNode {
  const { window } = useChoice();
  return (
    <Page title="Data health" actions={<To path="/bring">Add files</To>} lead="Whether every figure matches the bill, how surely it is known, and what to add next.">
      <Certificate />
      <Grid>
        <Coverage />
        <ToolPanel name="requests.attribution" title="Whose the requests in logs are" given={{ window }}
          empty={<Empty title="No access logs yet">Logs of a load balancer or gateway say who uses what, without instrumentation.</Empty>} />
      </Grid>
      <ToolPanel name="cost_profile.meter_next" title="What to meter next" given={{ window, top: 20 }} sort="-uncertainty"
        columns={{ at_most: { extra: true }, drivers: { extra: true } }}
        empty={<Empty icon="check" title="Nothing: every pool is known by the bill or a meter" />} />
      <Deliveries />
      <Quarantine />
      <Refused />
    </Page>
  );
}

const TOTALS: Column[] = [
  { key: "basis", title: "Cost", phone: true },
  { key: "currency", title: "Currency" },
  { key: "bill", title: "Bill", kind: "money", phone: true },
  { key: "pools", title: "Pools", kind: "money" },
  { key: "allocated", title: "Allocated", kind: "money" },
  { key: "tenants", title: "Tenants", kind: "money" },
  { key: "idle", title: "Of it idle", kind: "money" },
  { key: "unallocated", title: "Of it unallocated", kind: "money" },
  { key: "difference", title: "Difference", kind: "money", phone: true },
  { key: "days", title: "Days", kind: "count" },
];

function Certificate(): ReactNode {
  const { window } = useChoice();
  const query = useTool("reconciliation.certificate", { window });
  return (
    <AnswerPanel title="Reconciliation certificate" query={query} height={260}
      note="Sums at each step from the bill to the tenants: one sum, or it says where not."
      actions={<Lineage name="certificate" about="Every cost basis, currency, billing period and day is summed in charges, pools, allocation and tenants, in exact decimals." answer={query.data} />}>
      {(answer) => {
        const found = answer.data;
        return (
          <div style={{ display: "grid", gridTemplateColumns: "minmax(0, 1fr)", gap: 14 }}>
            <Banner mood={found.reconciles ? "good" : "bad"}>
              {found.reconciles ? "Every figure matches the bill, to the last unit." : `It does not reconcile: ${found.problems.join("; ")}`}
            </Banner>
            <Facts
              facts={[
                ["Period", found.window ? windowName(found.window) : "all there is"],
                ["Charges", found.charges === found.charges_in_pools ? `${count(found.charges)}, all in pools` : `${count(found.charges)}, of which ${count(found.charges_in_pools)} in pools`],
                ["Deliveries", count(found.ledger.deliveries)],
                ["Rows", `${count(found.ledger.rows)} = ${count(found.ledger.accepted)} accepted + ${count(found.ledger.quarantined)} quarantined + ${count(found.ledger.left_out)} left out`],
                ["Policy", found.policy_version],
                ["Closed through", found.closed_through ?? "no month is closed"],
                ["Proof", found.proof_id.slice(0, 16)],
              ]}
            />
            <div>
              <DataTable name="Sums of the certificate" id="cert." rows={found.totals as unknown as Record_[]} columns={TOTALS} filter={false} />
            </div>
          </div>
        );
      }}
    </AnswerPanel>
  );
}

const HUES = { silo: "margin", fine: "revenue", coarse: "cost", fallback: "risk", unallocated: "muted" } as const;

function Coverage(): ReactNode {
  const { window, currency } = useChoice();
  const query = useTool("cost_per_tenant.coverage", { window });
  return (
    <AnswerPanel title="How surely cost is known" query={query} bare height={260}>
      {(answer) => {
        const rows: Row<"cost_per_tenant.coverage">[] = inCurrency(answer.data, currency);
        if (rows.length === 0) return <Empty title="No cost in this range" />;
        const sure = rows.filter((row) => row.rung === "silo" || row.rung === "fine").reduce((sum, row) => sum + (row.share ?? 0), 0);
        const spec: Spec = {
          kind: "ranks",
          title: "How surely cost is known",
          unit: currencyOf(rows[0]),
          finding: `${ratio(sure)} is said by the bill itself or by a meter.`,
          x: rows.map((row) => heading(row.rung)),
          series: [{ name: "Cost", hue: "revenue", values: rows.map((row) => row.cost) }],
        };
        return (
          <>
            <Chart spec={spec} height={190} />
            <ul style={{ display: "grid", gap: 5, marginTop: 10, fontSize: 13 }}>
              {rows.map((row) => (
                <li key={row.rung}>
                  <Chip mood={HUES[row.rung as keyof typeof HUES] === "margin" ? "good" : row.rung === "fallback" || row.rung === "unallocated" ? "warn" : "plain"}>{row.rung}</Chip> {ratio(row.share)}, {money(row.cost, row.currency)}: {row.rests_on}
                </li>
              ))}
            </ul>
          </>
        );
      }}
    </AnswerPanel>
  );
}

interface Page_ {
  data: Record_[];
  next: string | null;
}

const DELIVERIES: Column[] = [
  { key: "file", title: "File", phone: true, show: (row) => String(row.file).split("/").at(-1) },
  { key: "dataset", title: "Dataset", phone: true },
  { key: "source", title: "Source" },
  { key: "landed_at", title: "Landed", kind: "moment" },
  { key: "rows", title: "Rows", kind: "count", phone: true },
  { key: "accepted", title: "Accepted", kind: "count" },
  { key: "quarantined", title: "Quarantined", kind: "count" },
  { key: "left_out", title: "Left out", kind: "count" },
  { key: "note", title: "Note", extra: true },
];

function Deliveries(): ReactNode {
  const query = useDocument<Page_>("api/v1/datasets/deliveries?limit=10000");
  return (
    <AnswerPanel title="What came in" query={query} note="Of every file, rows = accepted + quarantined + left out.">
      {(page) => <DataTable name="Deliveries" id="in." rows={page.data} columns={DELIVERIES} sort="-landed_at" facets={["dataset", "source"]} empty={<Empty title="Nothing came in yet" />} />}
    </AnswerPanel>
  );
}

const QUARANTINE: Column[] = [
  { key: "file", title: "File", phone: true, show: (row) => String(row.file).split("/").at(-1) },
  { key: "row", title: "Row", kind: "count", phone: true },
  { key: "dataset", title: "Dataset" },
  { key: "reason", title: "Reason", phone: true },
  { key: "content", title: "As it came" },
];

function Quarantine(): ReactNode {
  const query = useDocument<Page_>("api/v1/datasets/quarantine?limit=1000");
  return (
    <AnswerPanel title="Quarantine" query={query} note="Rows that could not be read: kept, counted, never lost. Mend the file and land it again.">
      {(page) => (
        <>
          {page.next && <Banner>Only the first 1,000 rows are shown.</Banner>}
          <DataTable name="Quarantine" id="bad." rows={page.data} columns={QUARANTINE} facets={["dataset", "reason"]} empty={<Empty icon="check" title="Nothing is quarantined" />} />
        </>
      )}
    </AnswerPanel>
  );
}

interface Rejected {
  number: number;
  door: string;
  fate: string;
  reason: string;
  whole: boolean;
  tenant: string | null;
  content: string;
  last_at: string;
  times: number;
}

interface Ledger {
  counts: { door: string; fate: string; reason: string; entries: number; times: number }[];
  entries: Rejected[];
  next: number | null;
}

interface Replayed {
  tried: number;
  accepted: number;
  duplicates: number;
  left: number;
}

const REFUSED: Column<Rejected>[] = [
  { key: "number", title: "No.", kind: "count", phone: true },
  { key: "last_at", title: "Last", kind: "moment" },
  { key: "door", title: "Came by" },
  { key: "reason", title: "Reason", phone: true },
  { key: "times", title: "Times", kind: "count" },
  { key: "content", title: "As it came", show: (row) => <code style={{ overflowWrap: "anywhere" }}>{seen(row.content.slice(0, 200))}</code> },
];

/** What programs sent and could not be taken; it goes through the door again when its reason is mended. */
function Refused(): ReactNode {
  const client = useQueryClient();
  const session = useSession();
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState<Replayed | Problem | null>(null);
  const query = useDocument<Ledger>("api/v1/events/rejected?limit=1000", { stale: 0 });
  const may = ["operator", "admin"].includes(session.data?.role ?? "");
  const replay = () => {
    setBusy(true);
    send<Replayed>("api/v1/events/replay?limit=1000", {})
      .then((found) => {
        setDone(found);
        return client.invalidateQueries({ queryKey: ["document", "api/v1/events/rejected?limit=1000"] });
      })
      .catch((failed: unknown) => setDone(failed as Problem))
      .finally(() => setBusy(false));
  };
  return (
    <AnswerPanel title="Refused at the door" query={query} note="Events and telemetry that programs sent and that could not be taken: kept, counted, and put through the door again when you say so."
      actions={may && (query.data?.entries.length ?? 0) > 0 && <WriteButton size="compact-sm" variant="default" loading={busy} onClick={replay}>Replay</WriteButton>}>
      {(ledger) => (
        <>
          <div role="status">
            {done instanceof Problem ? (
              <Failed problem={done} />
            ) : (
              done && <Banner mood={done.left ? "warn" : "good"}>{`${count(done.tried)} tried: ${count(done.accepted)} accepted, ${count(done.duplicates)} were there already, ${count(done.left)} left.`}</Banner>
            )}
          </div>
          {ledger.next !== null && <Banner>Only the first 1,000 are shown; a replay takes as many at a time.</Banner>}
          <DataTable name="Refused events" id="door." rows={ledger.entries} columns={REFUSED} facets={["door", "reason"]} rowKey={(row) => String(row.number)}
            empty={<Empty icon="check" title="Nothing was refused" />} />
        </>
      )}
    </AnswerPanel>
  );
}
