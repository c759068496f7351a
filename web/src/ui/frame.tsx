/** What stands around every page: navigation, range, search, theme. */

import { Button, Drawer, Popover, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import { signOut, useSession } from "../api/client";
import { moment } from "../format/times";
import { To, usePath } from "./address";
import { IconButton } from "./controls";
import css from "./frame.module.css";
import { Icon } from "./icons";
import { useKeys, KeysHelp } from "./keys";
import { Bell, NewerFigures, useLive, Waiting } from "./news";
import { GROUPS, PLACES } from "./places";
import { RangeChoice } from "./range";

const Palette = lazy(() => import("./palette"));

export function Frame({ children }: { children: ReactNode }): ReactNode {
  const [menu, { open: openMenu, close: closeMenu }] = useDisclosure(false);
  const [palette, { open: openPalette, close: closePalette }] = useDisclosure(false);
  const [help, { open: openHelp, close: closeHelp }] = useDisclosure(false);
  const path = usePath();
  useKeys({ openPalette, openHelp });
  useLive();
  useEffect(closeMenu, [path, closeMenu]);
  return (
    <div className={css.frame}>
      <a className={css.skip} href="#main" onClick={toMain}>
        Skip to the page
      </a>
      <nav className={css.nav} aria-label="Pages">
        <Brand />
        <Places />
      </nav>
      <Drawer opened={menu} onClose={closeMenu} size={260} title="Tenantry" closeButtonProps={{ "aria-label": "Close" }}>
        <nav aria-label="Pages">
          <Places />
        </nav>
      </Drawer>
      <div className={css.body}>
        <header className={css.bar}>
          <span className={css.menu}>
            <IconButton icon="menu" label="Open navigation" onClick={openMenu} />
          </span>
          <RangeChoice />
          <span className={css.grow} />
          <UnstyledButton className={css.search} onClick={openPalette} aria-keyshortcuts="Control+K">
            <Icon name="search" size={15} />
            <span>Search</span>
            <kbd aria-hidden="true">Ctrl K</kbd>
          </UnstyledButton>
          <Bell />
          <Theme />
          <Who />
        </header>
        <Offline />
        <NewerFigures />
        <main id="main" tabIndex={-1} className={css.main}>
          {children}
        </main>
      </div>
      <Suspense>{palette && <Palette opened close={closePalette} />}</Suspense>
      <KeysHelp opened={help} close={closeHelp} />
    </div>
  );
}

function toMain(event: { preventDefault: () => void }): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function Brand(): ReactNode {
  return (
    <To path="/" className={css.brand}>
      <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="var(--brand)" />
        <path d="M7 22V14M13 22V9M19 22v-6M25 22v-3" stroke="#fff" strokeWidth="3.4" strokeLinecap="round" />
      </svg>
      Tenantry
    </To>
  );
}

function Places(): ReactNode {
  const path = usePath();
  return GROUPS.map(([group, title]) => (
    <div key={group} className={css.group}>
      <p className={css.groupTitle}>{title}</p>
      <ul>
        {PLACES.filter((place) => place.group === group).map((place) => {
          const here = place.path === "/" ? path === "/" : path.startsWith(place.path);
          return (
            <li key={place.path}>
              <To path={place.path} className={css.place} current={here}>
                <Icon name={place.icon} size={17} />
                {place.name}
                {place.path === "/decisions" && <Waiting />}
              </To>
            </li>
          );
        })}
      </ul>
    </div>
  ));
}

function Theme(): ReactNode {
  const { setColorScheme } = useMantineColorScheme();
  const now = useComputedColorScheme("light");
  const next = now === "dark" ? "light" : "dark";
  return <IconButton icon={now === "dark" ? "sun" : "moon"} label={`Use ${next} colours`} onClick={() => setColorScheme(next)} />;
}

function Who(): ReactNode {
  const { data: who } = useSession();
  if (!who?.csrf) return null;
  const name = who.name.replace(/^\w+:/, "");
  const initials = name.slice(0, 2).toUpperCase();
  const label = `${initials}, signed in as ${name}, ${who.role}`;
  return (
    <Popover position="bottom-end" withinPortal trapFocus returnFocus shadow="md">
      <Popover.Target>
        <UnstyledButton className={css.who} aria-label={label}>
          {initials}
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown aria-label={label} className={css.person}>
        <p>
          <strong>{name}</strong>
        </p>
        <p>
          {who.role}, sees {who.tenant_id ?? "all tenants"}
        </p>
        {who.expires && <p>until {moment(who.expires)}</p>}
        <Button size="compact-sm" variant="default" onClick={() => void signOut()}>
          Sign out
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}

function Offline(): ReactNode {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const look = () => setOnline(navigator.onLine);
    addEventListener("online", look);
    addEventListener("offline", look);
    return () => {
      removeEventListener("online", look);
      removeEventListener("offline", look);
    };
  }, []);
  if (online) return null;
  return (
    <div role="status" className={css.offline}>
      This browser is offline. What you see may be old, and nothing can be changed.
    </div>
  );
}
