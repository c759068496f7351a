import { useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent, type ReactNode } from "react";
import { Problem, request, send, useAsked, useCatalog, useDocument, useSession, useTool, type Data, type Schemas } from "../api/client";
import { To, useChoice, useUnsaved } from "../ui/address";
import { AnswerView, useToolShown } from "../ui/answers";
import type { Column } from "../ui/columns";
import { Button, Code, Field, Fields, IconButton, Select, useColours, WriteButton } from "../ui/controls";
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
              ["Colours", <Select key="colours" label="Colours" value={colours} choose={setColours} options={[["auto", "Same as the system"], ["light", "Light"], ["dark", "Dark"]]} />],
              ["Version", catalog.data?.version ?? ""],
              ["Licences of parts", <a key="parts" href="THIRD_PARTY_LICENSES.txt">Read them</a>],
            ]}
          />
        </Panel>
      </Grid>
      <Panel title="Roles" note="Each may what those before it may. A token or login may be bound to a tenant, and sees that one alone.">
        <Facts facts={ROLES} />
      </Panel>
      <Sources may={["operator", "admin"].includes(session.data?.role ?? "") && session.data?.tenant_id === null} />
      <Rules />
      <Tokens admin={session.data?.role === "admin" && session.data.tenant_id === null} />
      <Told admin={session.data?.role === "admin" && session.data.tenant_id === null} />
    </Page>
  );
}

const ROLES: [string, string][] = [
  ["viewer", "asks, reads"],
  ["analyst", "proposes changes"],
  ["operator", "decides, acts, brings files, runs jobs"],
  ["admin", "makes tokens, reads the audit log and the settings"],
];

type Source = Schemas["SourceShown"];

const SOURCES: Column<Source>[] = [
  { key: "name", title: "Source", phone: true },
  { key: "kind", title: "Kind", phone: true },
  { key: "path", title: "Where", show: (one) => (one.remote ? "its service" : <code>{one.path}</code>) },
  { key: "lands", title: "Fills", kind: "list" },
];

function Sources({ may }: { may: boolean }): ReactNode {
  const query = useDocument<Schemas["SourceList"]>("api/v1/sources", { enabled: may });
  const columns: Column<Source>[] = [...SOURCES, { key: "do", title: "", show: (one) => <Try name={one.name} /> }];
  if (!may) return null;
  return (
    <AnswerPanel title="Sources" query={query} note="They stand in tenantry.toml: [sources.NAME]. A test reads what is there and lands nothing.">
      {(found) => (
        <DataTable name="Sources" id="source." rows={found.sources} columns={columns} filter={false} rowKey={(one) => one.name}
          empty={<Empty title="No source is configured"><To path="/bring">Add files</To> by hand, or write <code>[sources.aws]</code> into tenantry.toml: every night it is landed then.</Empty>} />
      )}
    </AnswerPanel>
  );
}

function Try({ name }: { name: string }): ReactNode {
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState<Schemas["Tried"] | Problem | null>(null);
  const go = () => {
    setBusy(true);
    send<Schemas["Tried"]>(`api/v1/sources/${encodeURIComponent(name)}/test`)
      .then(setTried)
      .catch((failed: unknown) => setTried(failed as Problem))
      .finally(() => setBusy(false));
  };
  const problems = tried instanceof Problem ? [tried.detail] : (tried?.problems ?? []);
  return (
    <span role="status" style={{ display: "inline-flex", gap: 8, alignItems: "center", flexWrap: "wrap", whiteSpace: "normal" }}>
      <Button size="compact-xs" variant="default" loading={busy} onClick={go} aria-label={`Test ${name}`}>
        Test
      </Button>
      {tried && !(tried instanceof Problem) && problems.length === 0 && <Chip mood="good">answers: {tried.files} {tried.files === 1 ? "file" : "files"}</Chip>}
      {problems.length > 0 && <Chip mood="bad" title={problems.join("; ")}>{problems[0]}</Chip>}
    </span>
  );
}

/** Rules are text in git; here is what another text would do to each tenant, begun from the one that holds. */
function Rules(): ReactNode {
  const { window } = useChoice();
  const held = useTool("cost_per_tenant.policy");
  const tool = useToolShown("cost_per_tenant", "preview");
  const [asked, setAsked] = useState<string | null>(null);
  const [changed, setChanged] = useState(false);
  useUnsaved(changed, "The rules you changed are kept nowhere. Leave them?");
  const preview = useAsked("cost_per_tenant", "preview", { policy: asked, window }, { enabled: asked !== null });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setAsked(String(new FormData(event.currentTarget).get("policy")));
  };
  return (
    <AnswerPanel title="Allocation rules" query={held}
      note={
        <>
          They stand in tenantry.toml, <code>[allocation]</code>, so that a change is reviewed. Change the text and see what that would do to each tenant, before it holds.
        </>
      }>
      {({ data }) => (
        <>
          <Fields submit={submit}>
            <Field label={`The ${data.rules} rules that hold, version ${data.version}`} wide>
              <textarea name="policy" defaultValue={data.policy} key={data.version} rows={14} spellCheck={false} onChange={(event) => setChanged(event.target.value !== data.policy)} />
            </Field>
            <div style={{ display: "flex", gap: 8, alignItems: "center" }}>
              <Button type="submit" size="compact-md">
                Preview
              </Button>
              <Button type="reset" size="compact-md" variant="default" onClick={() => {
                setAsked(null);
                setChanged(false);
              }}>
                As it holds
              </Button>
            </div>
          </Fields>
          {asked !== null && (
            <div style={{ marginTop: 14 }}>
              <Await query={preview} height={240} what="the preview">
                {(answer) =>
                  (answer.data as Data<"cost_per_tenant.preview">).tenants.length === 0 ? (
                    <Empty icon="check" title="No tenant’s cost would change" />
                  ) : (
                    tool && <AnswerView answer={answer} tool={tool} id="then." />
                  )
                }
              </Await>
            </div>
          )}
          <p style={{ marginTop: 10, fontSize: 13 }}>
            What the rules of this lake checked: <To path="/explore/reconciliation" search={{ tool: "rules" }}>the rules</To>.
          </p>
        </>
      )}
    </AnswerPanel>
  );
}

type Told_ = Schemas["Setting"] & { part: string };

const TOLD: Column<Told_>[] = [
  { key: "name", title: "Setting", phone: true, show: (one) => <code>{one.name}</code> },
  { key: "part", title: "Part", extra: true },
  { key: "value", title: "Value", phone: true, show: (one) => said(one.value) },
];

/** What people look for first, by the settings that say it. */
function Main({ settings }: { settings: Schemas["Setting"][] }): ReactNode {
  const value = (name: string) => settings.find((one) => one.name === name)?.value;
  const under = (part: string) => settings.filter((one) => one.name.startsWith(`${part}.`));
  const schedules = [...new Set(under("schedules").map((one) => one.name.split(".")[1]!))];
  const prompts = [...new Set(under("agent.prompts").map((one) => one.name.split(".")[2]!))];
  const model = value("agent.model");
  return (
    <Facts
      facts={[
        ["Business context", said(value("business_context") ?? null)],
        ["Model", model ? String(model) : "none: questions are answered from tools alone, in no model’s words"],
        ["Prompts of your own", prompts.length ? prompts.join(", ") : value("agent.prompts") ? said(value("agent.prompts")) : "none"],
        ["Schedules", <To key="schedules" path="/jobs">{schedules.length ? schedules.join(", ") : "none"}</To>],
        ["Months closed through", said(value("books.closed_through") ?? null)],
        ["Proposals expire after", `${String(value("decisions.expire_days"))} days`],
      ]}
    />
  );
}


function said(value: unknown): string {
  if (value === null || value === "" || (typeof value === "object" && Object.keys(value as object).length === 0)) return "not set";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Business context, prompts, model, schedules, limits and the rest, as they hold. */
function Told({ admin }: { admin: boolean }): ReactNode {
  const query = useDocument<Schemas["SettingList"]>("api/v1/settings", { enabled: admin });
  if (!admin) return null;
  return (
    <AnswerPanel title="All settings" query={query} note="From tenantry.toml and the environment, as the server read them when it started. Secrets are not shown. Change the file, then start the server again.">
      {(found) => (
        <>
          <div style={{ marginBottom: 14 }}>
            <Main settings={found.settings} />
          </div>
          <DataTable name="Settings" id="set." rows={found.settings.map((one): Told_ => ({ ...one, part: one.name.split(".")[0]! }))} columns={TOLD} facets={["part"]} rowKey={(one) => one.name} />
          <div style={{ marginTop: 10 }}>
            <Code>{"tenantry init    # a commented tenantry.toml\ntenantry check   # everything wrong with it, at once"}</Code>
          </div>
        </>
      )}
    </AnswerPanel>
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
    <WriteButton size="compact-xs" onClick={revoke}>
      Revoke {token.name}
    </WriteButton>
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
          <WriteButton type="submit" size="compact-md">
            Make the token
          </WriteButton>
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
