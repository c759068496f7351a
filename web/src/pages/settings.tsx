import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { Problem, request, send, useCatalog, useDocument, useSession, type Schemas } from "../api/client";
import { To } from "../ui/address";
import type { Column } from "../ui/columns";
import { Button, Code, Field, Fields, IconButton, Select, useColours } from "../ui/controls";
import { Ago, AnswerPanel, Banner, Chip, Facts, Grid, Page, Panel } from "../ui/page";
import { Await, Empty, Failed } from "../ui/states";
import { DataTable } from "../ui/table";

type Token = Schemas["Token"];

export function Settings(): ReactNode {
  const session = useSession();
  const catalog = useCatalog();
  const [colours, setColours] = useColours();
  return (
    <Page title="Settings" lead="Who you are here, who else may ask, and where the rest is set.">
      <Grid>
        <Panel title="You">
          <Await query={session}>
            {(who) => (
              <Facts
                facts={[
                  ["Name", who.name],
                  ["Role", who.role],
                  ["Sees", who.tenant_id ?? "all tenants"],
                  ["Logged in until", who.expires ?? (who.name === "local" ? "no login on this machine" : "as long as the token holds")],
                ]}
              />
            )}
          </Await>
        </Panel>
        <Panel title="This browser">
          <Facts
            facts={[
              ["Colours", <Select key="colours" label="Colours" value={colours} choose={setColours} options={[["auto", "as the system has it"], ["light", "light"], ["dark", "dark"]]} />],
              ["Version", catalog.data?.version ?? ""],
              ["Licences of parts", <a key="parts" href="THIRD_PARTY_LICENSES.txt">THIRD_PARTY_LICENSES.txt</a>],
            ]}
          />
        </Panel>
      </Grid>
      <Tokens admin={session.data?.role === "admin" && session.data.tenant_id === null} />
      <Grid>
        <Panel title="Allocation rules" note="Kept as text beside the code, so that a change is reviewed.">
          <p>
            See what another policy would do to each tenant before it holds: <To path="/explore/cost_per_tenant" search={{ tool: "preview" }}>preview a policy</To>. What the rules of
            this lake checked: <To path="/explore/reconciliation" search={{ tool: "rules" }}>the rules</To>.
          </p>
        </Panel>
        <Panel title="Sources, schedules, limits" note="They stand in tenantry.toml; the server reads it when it starts.">
          <Code>{"tenantry init    # a commented tenantry.toml\ntenantry check   # everything wrong with it, at once"}</Code>
        </Panel>
      </Grid>
    </Page>
  );
}

const COLUMNS: Column<Token>[] = [
  { key: "name", title: "Name", phone: true },
  { key: "role", title: "Role", phone: true },
  { key: "tenant_id", title: "Sees", show: (token) => token.tenant_id ?? "all tenants" },
  { key: "created", title: "Made", kind: "moment", show: (token) => <Ago time={token.created} /> },
  { key: "created_by", title: "By" },
  { key: "last_used", title: "Used", kind: "moment", show: (token) => (token.last_used ? <Ago time={token.last_used} /> : "never") },
  { key: "revoked", title: "State", phone: true, show: (token) => <State token={token} /> },
  { key: "id", title: "", show: (token) => (token.revoked ? null : <Revoke token={token} />) },
];

function State({ token }: { token: Token }): ReactNode {
  if (token.revoked) return <Chip mood="bad">revoked</Chip>;
  if (token.expires && Date.parse(token.expires) < Date.now()) return <Chip mood="warn">expired</Chip>;
  return <Chip mood="good">holds</Chip>;
}

function Revoke({ token }: { token: Token }): ReactNode {
  const client = useQueryClient();
  const [sure, setSure] = useState(false);
  if (!sure) return <IconButton icon="close" label={`Revoke ${token.name}`} onClick={() => setSure(true)} />;
  const revoke = () => void request(`api/v1/tokens/${token.id}`, { method: "DELETE" }).then(() => client.invalidateQueries({ queryKey: ["document"] }));
  return (
    <Button size="compact-xs" onClick={revoke}>
      Revoke {token.name}
    </Button>
  );
}

function Tokens({ admin }: { admin: boolean }): ReactNode {
  const query = useDocument<Schemas["TokenList"]>("api/v1/tokens", { enabled: admin, stale: 0 });
  if (!admin) return <Panel title="Tokens"><Empty title="Administrators who see all tenants make tokens" /></Panel>;
  return (
    <AnswerPanel title="Tokens" query={query} note="For programs. The first one ends access without a login, on this machine too.">
      {(found) => (
        <>
          <Make />
          <DataTable name="Tokens" id="token." rows={found.tokens} columns={COLUMNS} sort="-created" rowKey={(token) => token.id} empty={<Empty title="There is no token yet" />} />
        </>
      )}
    </AnswerPanel>
  );
}

function Make(): ReactNode {
  const client = useQueryClient();
  const [made, setMade] = useState<Schemas["Made"] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    setProblem(null);
    send<Schemas["Made"]>("api/v1/tokens", { name: data.get("name"), role: data.get("role"), tenant_id: data.get("tenant_id") || null })
      .then((found) => {
        setMade(found);
        return client.invalidateQueries({ queryKey: ["document"] });
      })
      .catch((error: unknown) => setProblem(error as Problem));
  };
  return (
    <details style={{ marginBottom: 12 }}>
      <summary>Make a token</summary>
      <Fields submit={submit}>
        <Field label="Name *">
          <input name="name" required pattern="[A-Za-z0-9][A-Za-z0-9._\-]*" />
        </Field>
        <Field label="Role">
          <select name="role" defaultValue="viewer">
            {["viewer", "analyst", "operator", "admin"].map((role) => (
              <option key={role}>{role}</option>
            ))}
          </select>
        </Field>
        <Field label="Only this tenant">
          <input name="tenant_id" placeholder="all tenants" />
        </Field>
        <div>
          <Button type="submit" size="compact-md">
            Make the token
          </Button>
        </div>
      </Fields>
      {problem && <Failed problem={problem} />}
      {made && (
        <Banner mood="good">
          The secret of {made.token.name}, shown this once: <code>{made.secret}</code>
        </Banner>
      )}
    </details>
  );
}
