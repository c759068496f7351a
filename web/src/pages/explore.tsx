import type { ReactNode } from "react";
import { useCatalog } from "../api/client";
import { To } from "../ui/address";
import { Chip, Page, Panel } from "../ui/page";
import { Await } from "../ui/states";
import css from "./explore.module.css";

/** Every question the server answers. */
export function Explore(): ReactNode {
  const catalog = useCatalog();
  return (
    <Page title="Explore" lead="Every question that can be asked here, each with its tools. The same are in REST, MCP and on the command line.">
      <Await query={catalog} height={300}>
        {(found) => (
          <ul className={css.cards}>
            {found.capabilities.map((one) => (
              <li key={one.name}>
                <Panel title={one.question}>
                  <ul className={css.tools}>
                    {one.tools.slice(0, 8).map((tool) => (
                      <li key={tool.name}>
                        <To path={`/explore/${one.name}`} search={{ tool: tool.name }}>
                          {tool.name.replaceAll("_", " ")}
                        </To>
                        {tool.effect !== "read" && <Chip mood="warn">{tool.effect}s</Chip>}
                      </li>
                    ))}
                    {one.tools.length > 8 && (
                      <li>
                        <To path={`/explore/${one.name}`}>{`${one.tools.length - 8} more`}</To>
                      </li>
                    )}
                  </ul>
                </Panel>
              </li>
            ))}
          </ul>
        )}
      </Await>
    </Page>
  );
}
