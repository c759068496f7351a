import { Drawer as Mantines } from "@mantine/core";
import type { ReactNode } from "react";

/** What slides in: from the left the pages, from below a row. */
export default function Drawer(props: { opened: boolean; close: () => void; title: string; below?: boolean; children: ReactNode }): ReactNode {
  const { opened, close, title, below } = props;
  return (
    <Mantines opened={opened} onClose={close} title={title} position={below ? "bottom" : "left"} size={below ? "70%" : 260} closeButtonProps={{ "aria-label": "Close" }}>
      {props.children}
    </Mantines>
  );
}
