import type { ReactNode } from "react";
import { Code } from "../ui/controls";
import { Page, Panel } from "../ui/page";
import css from "./first_run.module.css";

/** What to do while nothing is loaded. */
export function FirstRun(): ReactNode {
  const steps: [string, ReactNode, string][] = [
    ["Bring a bill and a tenant list", "FOCUS, AWS CUR 2.0 or legacy CUR, and a CSV with a column tenant_id. Their kind is recognised from their content.", "tenantry profile bills/ tenants.csv"],
    ["Say what tenants use", "Usage events, access logs, OpenTelemetry: each makes more of the cost certain. Data health says what to add next.", "tenantry profile bills/ tenants.csv usage/ subscriptions.csv"],
    ["Reload this page", "It shows revenue, cost and margin per tenant, exact to the bill.", "tenantry serve"],
  ];
  return (
    <Page title="Welcome to Tenantry" lead="There are no bills in this lake yet, so there is nothing to show. Three steps:">
      <Panel title="Set up">
        <ol className={css.steps}>
          {steps.map(([title, text, command], nth) => (
            <li key={title}>
              <span className={css.number}>{nth + 1}</span>
              <div>
                <p className={css.title}>{title}</p>
                <p>{text}</p>
                <Code>{command}</Code>
              </div>
            </li>
          ))}
        </ol>
      </Panel>
      <Panel title="Or look at a made-up vendor first" note="14 months of bills, usage, tenants and subscriptions, with known answers.">
        <Code>tenantry demo</Code>
      </Panel>
    </Page>
  );
}
