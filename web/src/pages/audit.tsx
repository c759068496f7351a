import type { ReactNode } from "react";
import { useDocument, type Schemas } from "../api/client";
import { useUrl } from "../ui/address";
import type { Column } from "../ui/columns";
import { Button } from "../ui/controls";
import { seen } from "../ui/decision";
import { AnswerPanel, Page } from "../ui/page";
import { Empty } from "../ui/states";
import { DataTable } from "../ui/table";

type Entry = Schemas["Entry"];

const COLUMNS: Column<Entry>[] = [
  { key: "sequence", title: "No.", kind: "count", phone: true },
  { key: "at", title: "When", kind: "moment", phone: true },
  { key: "principal", title: "Who" },
  { key: "tenant_id", title: "Tenant" },
  { key: "action", title: "What", phone: true },
  { key: "details", title: "Details", show: (entry) => <Details of={entry.details} /> },
  { key: "hash", title: "Seal", extra: true },
];

/** What was said, line by line; what was not said is left out, and long seals are cut. */
function Details({ of }: { of: Record<string, unknown> }): ReactNode {
  const lines = Object.entries(of).flatMap(([name, value]): [string, unknown][] =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value).map(([inner, one]) => [`${name}.${inner}`, one])
      : [[name, value]],
  );
  const said = lines.filter(([, value]) => value !== null && value !== "");
  return (
    <code style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
      {said.map(([name, value]) => `${name} = ${cut(typeof value === "string" ? value : JSON.stringify(value))}`).join("\n")}
    </code>
  );
}

function cut(text: string): string {
  return /^[0-9a-f]{32,}$/.test(text) ? `${text.slice(0, 12)}\u2026` : seen(text);
}

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
