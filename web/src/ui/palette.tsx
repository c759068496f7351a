/** Search over pages, views that were kept, tenants and the questions that the catalog answers. */

import { Modal } from "@mantine/core";
import { useMemo, useState, type KeyboardEvent, type ReactNode } from "react";
import { useCatalog, useTool } from "../api/client";
import type { Search } from "../url";
import { tenantPath, useChoice, useGo, useGoExactly, usePath, useUrl } from "./address";
import { Icon, type IconName } from "./icons";
import css from "./palette.module.css";
import { PLACES } from "./places";
import { forgetView, keepView, views } from "./views";

interface Found {
  key: string;
  name: string;
  note: string;
  path: string;
  icon: IconName;
  /** All of the address: range and comparison of the moment do not go along. */
  search?: Search;
  /** Does something instead of going somewhere. */
  does?: () => void;
}

const MOST = 9;

export default function Palette({ opened, close }: { opened: boolean; close: () => void }): ReactNode {
  return (
    <Modal opened={opened} onClose={close} withCloseButton={false} padding={0} size="lg" yOffset="12vh" title="Search"
      classNames={{ content: css.content, header: css.hidden }}>
      {opened && <Finder close={close} />}
    </Modal>
  );
}

function Finder({ close }: { close: () => void }): ReactNode {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const go = useGo();
  const exactly = useGoExactly();
  const found = useFound(text);
  const open = (one: Found | undefined) => {
    if (!one) return;
    close();
    if (one.does) one.does();
    else if (one.search) exactly(one.path, one.search);
    else go(one.path);
  };
  const pressed = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) {
      event.preventDefault();
      setAt((now) => Math.max(0, Math.min(found.length - 1, now + step)));
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(found[at]);
    }
  };
  return (
    <>
      <div className={css.field}>
      <Icon name="search" />
      <input data-autofocus className={css.input} placeholder="Search pages, tenants, questions" aria-label="Search pages, tenants, questions"
        value={text} role="combobox" aria-expanded aria-controls="found" aria-activedescendant={found[at] ? `found-${at}` : undefined}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={pressed} />
      </div>
      <ul id="found" role="listbox" aria-label="Found" className={css.list}>
        {found.map((one, nth) => (
          <li key={one.key} id={`found-${nth}`} role="option" aria-selected={nth === at} className={css.item}
            onMouseEnter={() => setAt(nth)} onClick={() => open(one)}>
            <Icon name={one.icon} size={16} />
            <span>{one.name}</span>
            <span className={css.note}>{one.note}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function useFound(text: string): Found[] {
  const catalog = useCatalog();
  const path = usePath();
  const [search] = useUrl();
  const { window } = useChoice();
  const tenants = useTool("overview.tenants", { window });
  const all = useMemo<Found[]>(() => {
    const pages = PLACES.map((one) => ({ key: one.path, name: one.name, note: `g ${one.key}`, path: one.path, icon: one.icon }));
    const rows = tenants.data?.data ?? [];
    const people = [...new Map(rows.map((row) => [row.tenant_id, row])).values()].map((row) => ({
      key: `tenant ${row.tenant_id}`,
      name: row.name ?? row.tenant_id,
      note: "tenant",
      path: tenantPath(row.tenant_id),
      icon: "tenants" as const,
    }));
    const questions = (catalog.data?.capabilities ?? []).map((one) => ({
      key: one.name,
      name: one.question,
      note: one.name,
      path: `/explore/${one.name}`,
      icon: "explore" as const,
    }));
    return [...pages, ...people, ...questions];
  }, [catalog.data, tenants.data]);
  const kept = useMemo(() => views().map((one): Found => ({ key: `view ${one.name}`, name: one.name, note: "view", path: one.path, search: one.search, icon: "link" })), []);
  const wanted = text.trim().toLowerCase();
  if (!wanted) return [...kept, ...all].slice(0, MOST);
  const fits = [...kept, ...all].filter((one) => `${one.name} ${one.key}`.toLowerCase().includes(wanted));
  const begins = (one: Found) => (one.name.toLowerCase().startsWith(wanted) ? 0 : 1);
  return [...fits.sort((a, b) => begins(a) - begins(b)).slice(0, MOST - 1), forView(text.trim(), path, search)];
}

/** To keep what is shown under a name; or, of a name that is taken, to let it go. */
function forView(name: string, path: string, search: Search): Found {
  if (views().some((one) => one.name === name)) {
    return { key: "forget", name: `Forget the view \u201c${name}\u201d`, note: "", path, icon: "close", does: () => forgetView(name) };
  }
  return { key: "keep", name: `Keep this view as \u201c${name}\u201d`, note: "in this browser", path, icon: "link", does: () => keepView({ name, path, search }) };
}
