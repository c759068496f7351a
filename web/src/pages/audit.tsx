import type { ReactNode } from "react";
import { useDocument, type Schemas } from "../api/client";
import { useUrl } from "../ui/address";
import type { Column } from "../ui/columns";
import { Button } from "../ui/controls";
import { AnswerPanel, Page } from "../ui/page";
import { Empty } from "../ui/states";
import { DataTable } from "../ui/table";

type Entry = Schemas["Entry"];

const COLUMNS: Column<Entry>[] = [
  { key: "sequence", title: "No.", kind: "count", phone: true },
  { key: "at", title: "When", kind: "moment", phone: true },
  { key: "principal", title: "Who", phone: true },
  { key: "tenant_id", title: "Tenant" },
  { key: "action", title: "What", phone: true },
  { key: "details", title: "Details", show: (entry) => <code>{JSON.stringify(entry.details)}</code> },
  { key: "hash", title: "Seal", extra: true },
];

export function Audit(): ReactNode {
  const [search, set] = useUrl();
  const after = /^\d+$/.test(search.after ?? "") ? search.after! : "0";
  const query = useDocument<Schemas["AuditPage"]>(`api/v1/audit?after=${after}&limit=1000`, { stale: 0 });
  return (
    <Page title="Audit" lead="What was done and what was refused. Each entry is sealed with those before it.">
      <AnswerPanel title="Entries" query={query}>
        {(page) => (
          <DataTable name="Audit log" id="log." rows={page.entries} columns={COLUMNS} sort="-sequence" facets={["principal", "action"]} rowKey={(entry) => String(entry.sequence)}
            tools={page.next !== null && <Button size="compact-sm" variant="default" onClick={() => set({ after: String(page.next) })}>Later entries</Button>}
            empty={<Empty title="Nothing was done yet that is written down">Tools that act, tokens, logins and refusals appear here.</Empty>} />
        )}
      </AnswerPanel>
    </Page>
  );
}
