import type { ReactNode } from "react";
import { useDocument, useTool, type Row } from "../api/client";
import type { Spec } from "../charts/spec";
import { count, money, numeric, ratio } from "../format/numbers";
import { To, useChoice } from "../ui/address";
import { inCurrency, ToolPanel } from "../ui/answers";
import { Chart } from "../ui/chart";
import { currencyOf, heading, type Column, type Record_ } from "../ui/columns";
import { Lineage } from "../ui/figure";
import { AnswerPanel, Banner, Chip, Facts, Grid, Page } from "../ui/page";
import { Empty } from "../ui/states";
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
  { key: "idle", title: "of it idle", kind: "money" },
  { key: "unallocated", title: "of it unallocated", kind: "money" },
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
                ["Charges", `${count(found.charges)}, all in pools: ${found.charges === found.charges_in_pools ? "yes" : "no"}`],
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
          series: [{ name: "Cost", hue: "revenue", values: rows.map((row) => numeric(row.cost)) }],
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
