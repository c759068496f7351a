/** The frame as it stands in index.html: painted while the code is still on its way, and navigable without it. */

import type { ReactNode } from "react";
import { Icon } from "./icons";
import { GROUPS, PLACES, type Place } from "./places";

export function Mark(): ReactNode {
  return (
    <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--brand)" />
      <path d="M7 22V14M13 22V9M19 22v-6M25 22v-3" stroke="#fff" strokeWidth="3.4" strokeLinecap="round" />
    </svg>
  );
}

type Names = Record<string, string>;

/** The pages by group; `link` makes each an element. `css` holds the names of frame.module.css. */
export function Groups({ css, link }: { css: Names; link: (place: Place, content: ReactNode) => ReactNode }): ReactNode {
  return GROUPS.map(([group, title]) => (
    <div key={group} className={css.group}>
      <p className={css.groupTitle}>{title}</p>
      <ul>
        {PLACES.filter((place) => place.group === group).map((place) => (
          <li key={place.path}>
            {link(
              place,
              <>
                <Icon name={place.icon} size={17} />
                {place.name}
              </>,
            )}
          </li>
        ))}
      </ul>
    </div>
  ));
}

/** Rendered by the build, which has the names alone: `css` as above, `page` those of page.module.css. public/begin.js says which page it is. */
export function Shell({ css, page }: { css: Names; page: Names }): ReactNode {
  return (
    <div className={css.frame}>
      <nav className={css.nav} aria-label="Pages">
        <a href="./" className={css.brand}>
          <Mark />
          Tenantry
        </a>
        <Groups
          css={css}
          link={(place, content) => (
            <a href={`.${place.path}`} className={css.place} data-place={place.path}>
              {content}
            </a>
          )}
        />
      </nav>
      <div className={css.body}>
        <header className={css.bar}>
          <span className={css.menu}>
            <Icon name="menu" />
          </span>
          <span className={css.grow} />
          <span className={css.search}>
            <Icon name="search" size={15} />
            <span>Search</span>
          </span>
        </header>
        <main className={css.main} aria-busy="true">
          <div className={page.page}>
            <header className={page.head}>
              <h1>{"\u00a0"}</h1>
            </header>
          </div>
        </main>
      </div>
    </div>
  );
}
