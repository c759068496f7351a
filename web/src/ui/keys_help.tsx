import { Modal } from "@mantine/core";
import type { ReactNode } from "react";
import css from "./keys.module.css";
import { PLACES } from "./places";

export default function KeysHelp({ opened, close }: { opened: boolean; close: () => void }): ReactNode {
  const keys: [string, string][] = [
    ["Ctrl K", "search pages, tenants and questions"],
    ["/", "filter the table"],
    ["j  k", "next row, row before"],
    ["Enter", "open the row"],
    ...PLACES.map((place): [string, string] => [`g ${place.key}`, place.name]),
    ["?", "these keys"],
  ];
  return (
    <Modal opened={opened} onClose={close} title="Keys" closeButtonProps={{ "aria-label": "Close" }}>
      <dl className={css.keys}>
        {keys.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
