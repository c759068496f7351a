import type { ReactNode } from "react";
import { useAsked, useDocument, type Evidence } from "../api/client";
import { count } from "../format/numbers";
import { windowName } from "../format/times";
import { decode } from "../url";
import { To, usePathParams, useUrl } from "../ui/address";
import { useToolShown } from "../ui/answers";
import { Button, Code } from "../ui/controls";
import { Chip, Facts, Page, Panel, AnswerPanel, AsOf, Words } from "../ui/page";
import css from "./lineage.module.css";
import { layers } from "./lineage_layers";

interface Dataset {
  name: string;
  description: string;
  kind: "landing" | "derived";
  reads: string[];
  /** The SQL that makes it; null where rows are landed, or made by a method over other tables. */
  query: string | null;
  /** Null for what is stored nowhere, and for who sees one tenant alone. */
  rows: number | null;
}

/** From a figure to the tables under it, down to what was landed. */
export function Lineage(): ReactNode {
  const { capability = "", tool = "" } = usePathParams();
  const [search] = useUrl();
  const given = decode(search.of ?? "");
  const answer = useAsked(capability, tool, given);
  const datasets = useDocument<{ data: Dataset[] }>("api/v1/datasets");
  const shown = useToolShown(capability, tool);
  return (
    <Page title="Lineage" crumb={{ path: `/explore/${capability}`, name: capability.replaceAll("_", " ") }} lead={<AsOf answer={answer.data} />}
      actions={
        <Button size="compact-md" variant="default" onClick={() => void answer.refetch()} loading={answer.isFetching}>
          Ask again
        </Button>
      }>
      <Panel title="The question" note={shown?.description}>
        <Facts
          facts={[
            ["Tool", <code key="tool">{`${capability}.${tool}`}</code>],
            ...Object.entries(answer.data?.arguments ?? given).map(([name, value]): [string, ReactNode] => [name, value === null ? "default" : String(value)]),
            ["Change it", <To key="again" path={`/explore/${capability}`} search={{ tool, ...Object.fromEntries(Object.entries(given).map(([name, value]) => [`a.${name}`, value])) }}>with other arguments</To>],
          ]}
        />
      </Panel>
      <AnswerPanel title="What it rests on" query={answer} note="First the tables that the answer read; then what each was built from, down to what was landed.">
        {(found) => <Graph evidence={found.evidence} datasets={datasets.data?.data ?? []} />}
      </AnswerPanel>
    </Page>
  );
}

function Graph({ evidence, datasets }: { evidence: Evidence[]; datasets: Dataset[] }): ReactNode {
  const known = new Map(datasets.map((one) => [one.name, one]));
  const seen = new Map(evidence.map((one) => [one.dataset, one]));
  const found = layers(evidence.map((one) => one.dataset), new Map(datasets.map((one) => [one.name, one.reads])));
  return (
    <div className={css.layers} tabIndex={0} role="region" aria-label="Datasets, by how far they are from the figure">
      {found.map((names, nth) => (
        <ol key={nth} className={css.layer} aria-label={nth === 0 ? "Read for the answer" : `${nth} ${nth === 1 ? "step" : "steps"} below`}>
          {names.map((name) => {
            const one = known.get(name);
            const read = seen.get(name);
            return (
              <li key={name} className={css.node} data-landed={one?.kind === "landing"}>
                <p className={css.name}>
                  <code>{name}</code>
                  {one?.kind === "landing" && <Chip>landed</Chip>}
                </p>
                {one && <p className={css.about}>
                    <Words text={one.description.split("\n")[0]!} />
                  </p>}
                {read && (
                  <p className={css.about}>
                    {read.version !== null && `version ${read.version}`}
                    {read.newest && `, to ${read.newest}`}
                    {read.windows.length > 0 && ` · ${read.windows.map(windowName).join(", ")}`}
                  </p>
                )}
                {one && one.rows !== null && <p className={css.about}>{count(one.rows)} rows now</p>}
                {one && one.reads.length > 0 && <p className={css.from}>from {one.reads.join(", ")}</p>}
                {one?.query && (
                  <details className={css.query}>
                    <summary>Query</summary>
                    <Code>{one.query}</Code>
                  </details>
                )}
              </li>
            );
          })}
        </ol>
      ))}
    </div>
  );
}
