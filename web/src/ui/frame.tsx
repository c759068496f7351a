/** What stands around every page: navigation, range, search, theme. */

import { Button, Popover, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useEffect, type ReactNode } from "react";
import { signOut, useSession } from "../api/client";
import { moment } from "../format/times";
import { To, usePath } from "./address";
import { IconButton } from "./controls";
import css from "./frame.module.css";
import { Icon } from "./icons";
import { useKeys } from "./keys";
import { later } from "./later";
import { Bell, NewerFigures, StaleFigures, useLive, Waiting } from "./news";
import { useOnline } from "./online";
import { placeOf } from "./places";
import { RangeChoice } from "./range";
import { Groups, Mark } from "./shell";

const Palette = later(() => import("./palette"));
const KeysHelp = later(() => import("./keys_help"));
const Drawer = later(() => import("./drawer"));

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
      <Drawer opened={menu} close={closeMenu} title="Tenantry">
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
          <span className={css.theme}>
            <Theme />
          </span>
          <Who />
        </header>
        <Offline />
        <NewerFigures />
        <StaleFigures />
        <main id="main" tabIndex={-1} className={css.main}>
          {children}
        </main>
      </div>
      <Palette opened={palette} close={closePalette} />
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
      <Mark />
      Tenantry
    </To>
  );
}

function Places(): ReactNode {
  const path = usePath();
  return (
    <Groups
      css={css}
      link={(place, content) => (
        <To path={place.path} className={css.place} current={placeOf(path) === place}>
          {content}
          {place.path === "/decisions" && <Waiting />}
        </To>
      )}
    />
  );
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
  const online = useOnline();
  if (online) return null;
  return (
    <div role="status" className={css.offline}>
      This browser is offline. What you see may be old, and nothing can be changed.
    </div>
  );
}
