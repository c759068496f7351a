import { useEffect, type ReactNode } from "react";
import { Failed } from "../ui/states";
import { Page, Panel } from "../ui/page";
import { To } from "../ui/address";

export function Missing(): ReactNode {
  return (
    <Page title="No such page">
      <Panel title="There is no page at this address">
        <p>
          It may have been renamed. <To path="/">Overview</To>, or press Ctrl K to search.
        </p>
      </Panel>
    </Page>
  );
}

export function Crashed({ error }: { error: unknown }): ReactNode {
  useEffect(() => console.error(error), [error]);
  return (
    <Page title="This page could not be shown">
      <Panel title="A bug in the dashboard">
        <Failed problem={error as never} again={() => location.reload()} />
      </Panel>
    </Page>
  );
}
