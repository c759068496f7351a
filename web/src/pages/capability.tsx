import { useState, type FormEvent, type ReactNode } from "react";
import { Problem, send, useAsked, useCatalog, useSession, type Arguments, type Capability as Declared, type Document, type Tool } from "../api/client";
import type { Search } from "../url";
import { To, useChoice, usePathParams, useUrl } from "../ui/address";
import { AnswerView } from "../ui/answers";
import { heading } from "../ui/columns";
import { Button, Field, Fields, WriteButton } from "../ui/controls";
import { Lineage } from "../ui/figure";
import { Banner, Chip, Page, Panel } from "../ui/page";
import { Await, Empty, Failed } from "../ui/states";
import css from "./explore.module.css";

/** Any capability, from its declaration alone. */
export function Capability(): ReactNode {
  const name = usePathParams().name ?? "";
  const catalog = useCatalog();
  const [search] = useUrl();
  const found = catalog.data?.capabilities.find((one) => one.name === name);
  const tool = found?.tools.find((one) => one.name === search.tool) ?? found?.tools[0];
  return (
    <Page title={found?.question ?? name} crumb={{ path: "/explore", name: "Explore" }} lead={found && <code>{found.name}</code>}>
      <Await query={catalog}>
        {() =>
          found && tool ? (
            <div className={css.columns}>
              <Panel title="Tools">
                <nav className={css.list} aria-label="Tools">
                  {found.tools.map((one) => (
                    <To key={one.name} path={`/explore/${name}`} search={{ tool: one.name }} current={one === tool}>
                      {one.name.replaceAll("_", " ")}
                      {one.effect !== "read" && <Chip mood="warn">{one.effect}s</Chip>}
                    </To>
                  ))}
                </nav>
              </Panel>
              <div style={{ display: "grid", gridTemplateColumns: "minmax(0, 1fr)", gap: 16 }}>
                <Panel title={heading(tool.name)} note={tool.description}>
                  {tool.effect === "read" ? <Reading key={tool.name} capability={found} tool={tool} /> : <Acting key={tool.name} capability={found} tool={tool} />}
                </Panel>
                <Panel title="About">
                  <details>
                    <summary>How to read it, and its traps</summary>
                    <p className={css.about}>{found.about.replace(/^# .*\n+/, "")}</p>
                  </details>
                </Panel>
              </div>
            </div>
          ) : (
            <Empty title={`There is no capability ${name}`}>
              <To path="/explore">All of them</To>
            </Empty>
          )
        }
      </Await>
    </Page>
  );
}

interface Parameter {
  type?: string;
  description?: string;
  default?: unknown;
  enum?: string[];
  const?: string;
  format?: string;
  anyOf?: Parameter[];
  $ref?: string;
  contentMediaType?: string;
}

interface Asked extends Parameter {
  name: string;
  needed: boolean;
}

/** The parameters of a tool, with what stands behind references and "or null". */
function fieldsOf(tool: Tool): Asked[] {
  const schema = tool.parameters as { properties?: Record<string, Parameter>; required?: string[]; $defs?: Record<string, Parameter> };
  const resolved = (one: Parameter): Parameter => {
    const inner = one.anyOf?.find((kind) => kind.type !== "null");
    const target = (inner ?? one).$ref?.split("/").at(-1);
    return { ...(target ? schema.$defs?.[target] : inner), ...one };
  };
  return Object.entries(schema.properties ?? {}).map(([name, one]) => ({ ...resolved(one), name, needed: schema.required?.includes(name) ?? false }));
}

function argumentsIn(search: Search, tool: Tool, window: string | undefined): Arguments {
  const given: Arguments = {};
  for (const field of fieldsOf(tool)) {
    const value = search[`a.${field.name}`];
    if (value) given[field.name] = value;
    else if (field.name === "window" && window) given.window = window;
  }
  return given;
}

/** A tool that reads: its form, kept in the address, and its answer. */
function Reading({ capability, tool }: { capability: Declared; tool: Tool }): ReactNode {
  const [search, set] = useUrl();
  const { window } = useChoice();
  const given = argumentsIn(search, tool, window);
  const fields = fieldsOf(tool);
  const missing = fields.filter((field) => field.needed && !given[field.name]);
  const query = useAsked(capability.name, tool.name, typedArguments(tool, given), { enabled: missing.length === 0 });
  return (
    <>
      <Form fields={fields} given={given} word="Show" submit={(values) => set(Object.fromEntries(fields.map((field) => [`a.${field.name}`, values[field.name]])))}
        example={missing.length ? Object.fromEntries(Object.entries(tool.example).map(([key, value]) => [`a.${key}`, String(value)])) : undefined} />
      <div className={css.result}>
        {missing.length ? (
          <Empty title={`Say ${missing.map((field) => field.name.replaceAll("_", " ")).join(" and ")}`}>The rest has defaults.</Empty>
        ) : (
          <Await query={query} height={240} what={tool.name.replaceAll("_", " ")}>
            {(answer) => (
              <>
                <div style={{ display: "flex", justifyContent: "flex-end" }}>
                  <Lineage name={heading(tool.name)} about={tool.summary} answer={answer} />
                </div>
                <AnswerView answer={answer} tool={tool} />
              </>
            )}
          </Await>
        )}
      </div>
    </>
  );
}

/** A tool that changes something: said once more, with its very arguments, before it runs. */
function Acting({ capability, tool }: { capability: Declared; tool: Tool }): ReactNode {
  const session = useSession();
  const [asked, setAsked] = useState<Arguments | null>(null);
  const [answer, setAnswer] = useState<Document | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const needs = tool.effect === "act" ? ["operator", "admin"] : ["analyst", "operator", "admin"];
  if (session.data && !needs.includes(session.data.role)) {
    return <Banner>You are {session.data.role}. This needs the role {needs[0]}.</Banner>;
  }
  const run = (given: Arguments) => {
    setProblem(null);
    const typed = typedArguments(tool, given);
    send<Document>(`api/v1/${capability.name}/${tool.name}${tool.effect === "act" ? "?approved=true" : ""}`, typed)
      .then((found) => {
        setAnswer(found);
        setAsked(null);
      })
      .catch((error: unknown) => setProblem(error as Problem));
  };
  return (
    <>
      <Form fields={fieldsOf(tool)} given={asked ?? {}} word={tool.effect === "act" ? "Go on" : "Propose"}
        submit={(values) => {
          setAnswer(null);
          if (tool.effect === "act") setAsked(values);
          else run(values);
        }} />
      {asked && (
        <Banner>
          <p>
            This acts on the world: <strong>{heading(tool.name).toLowerCase()}</strong> with {Object.entries(asked).filter(([, value]) => value).map(([key, value]) => `${key} = ${String(value)}`).join(", ") || "no arguments"}.
          </p>
          <p style={{ display: "flex", gap: 8, marginTop: 8 }}>
            <WriteButton size="compact-md" onClick={() => run(asked)}>
              Approve and run
            </WriteButton>
            <Button size="compact-md" variant="default" onClick={() => setAsked(null)}>
              Keep as is
            </Button>
          </p>
        </Banner>
      )}
      {problem && <Failed problem={problem} />}
      {answer && (
        <div className={css.result}>
          <Banner mood="good">Done.</Banner>
          <AnswerView answer={answer} tool={tool} />
        </div>
      )}
    </>
  );
}

/** A document's values have their types; a form's are texts. */
function typedArguments(tool: Tool, given: Arguments): Arguments {
  const found: Arguments = {};
  for (const field of fieldsOf(tool)) {
    const value = given[field.name];
    if (value === undefined || value === "") continue;
    found[field.name] = field.type === "integer" || field.type === "number" ? Number(value) : field.type === "boolean" ? value === "true" : value;
  }
  return found;
}

function Form(props: {
  fields: Asked[];
  given: Arguments;
  word: string;
  submit: (values: Record<string, string>) => void;
  example?: Search;
}): ReactNode {
  const [, set] = useUrl();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    props.submit(Object.fromEntries(props.fields.map((field) => [field.name, String(data.get(field.name) ?? "")])));
  };
  return (
    <Fields submit={submit}>
      {props.fields.map((field) => (
        <Input key={field.name} field={field} value={String(props.given[field.name] ?? "")} />
      ))}
      <div style={{ display: "flex", gap: 8 }}>
        <Button type="submit" size="compact-md">
          {props.word}
        </Button>
        {props.example && (
          <Button size="compact-md" variant="default" onClick={() => set(props.example!)}>
            Use the example
          </Button>
        )}
      </div>
    </Fields>
  );
}

function Input({ field, value }: { field: Asked; value: string }): ReactNode {
  const label = `${heading(field.name)}${field.needed ? " *" : ""}`;
  const options = field.enum ?? (field.type === "boolean" ? ["true", "false"] : null);
  const standard = field.default === null || field.default === undefined ? "" : String(field.default);
  const long = field.contentMediaType !== undefined;
  return (
    <Field label={label} about={field.description} wide={long}>
      {options ? (
        <select name={field.name} defaultValue={value || standard} key={value}>
          {!field.needed && !standard && <option value="" />}
          {options.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      ) : long ? (
        <textarea name={field.name} defaultValue={value} key={value} />
      ) : (
        <input name={field.name} defaultValue={value} key={value} placeholder={standard || (field.format === "window" ? "newest month" : "")}
          type={field.type === "integer" ? "number" : "text"} required={field.needed} />
      )}
    </Field>
  );
}
