/** Reads and writes the address: the only store of filters, sort, range and compare. */

import { Link as RouterLink, useBlocker, useLocation, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { CSSProperties, ReactNode } from "react";
import { readWindow } from "../format/times";
import { carried, encode, type Search } from "../url";

export function useUrl(): [Search, (patch: Search) => void] {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const set = (patch: Search) => {
    void navigate({
      to: ".",
      search: ((before: Search) => ({ ...before, ...patch })) as never,
      replace: true,
      resetScroll: false,
    });
  };
  return [search, set];
}

export interface Choice {
  window?: string;
  compare: "previous" | "year" | "none";
  /** Months of one's own to compare with; they stand in the address as `compare`. */
  against?: string;
  currency?: string;
}

/** What the top bar chose. */
export function useChoice(): Choice {
  const [search] = useUrl();
  const compare = search.compare === "year" || search.compare === "none" ? search.compare : "previous";
  const against = readWindow(search.compare) ? search.compare : undefined;
  return { window: search.range, compare, against, currency: search.currency };
}

export function usePathParams(): Record<string, string> {
  return useParams({ strict: false });
}

export function usePath(): string {
  return useLocation().pathname;
}

/** Goes somewhere and takes range, compare and currency along. */
export function useGo(): (path: string, search?: Search) => void {
  const navigate = useNavigate();
  const [now] = useUrl();
  return (path, search = {}) => void navigate({ to: path as never, search: { ...carried(now), ...search } as never });
}

/** Goes to an address as it was kept: nothing of the moment goes along. */
export function useGoExactly(): (path: string, search: Search) => void {
  const navigate = useNavigate();
  return (path, search) => void navigate({ to: path as never, search: search as never });
}

/** Puts another path in this one's place: what is shown stays, and so do range, compare and currency. */
export function useBecome(): (path: string) => void {
  const navigate = useNavigate();
  const [now] = useUrl();
  return (path) => void navigate({ to: path as never, search: carried(now) as never, replace: true, resetScroll: false });
}

/** Where a path leads, range, compare and currency with it: for links of which there are many. */
export function useHref(): (path: string) => string {
  const [now] = useUrl();
  const taken = encode(carried(now));
  const base = new URL(document.baseURI).pathname;
  return (path) => `${base}${path.slice(1)}${taken}`;
}

export function To(props: {
  path: string;
  search?: Search;
  children: ReactNode;
  className?: string;
  style?: CSSProperties;
  label?: string;
  current?: boolean;
  onClick?: () => void;
}): ReactNode {
  const [now] = useUrl();
  return (
    <RouterLink
      to={props.path as never}
      search={{ ...carried(now), ...props.search } as never}
      className={props.className}
      style={props.style}
      aria-label={props.label}
      aria-current={props.current ? "page" : undefined}
      onClick={props.onClick}
      activeOptions={{ exact: true }}
      activeProps={{}}
    >
      {props.children}
    </RouterLink>
  );
}

/** Asks before a page is left on which something was changed and not kept. */
export function useUnsaved(changed: boolean, question: string): void {
  useBlocker({
    shouldBlockFn: ({ current, next }) => changed && current.pathname !== next.pathname && !confirm(question),
    enableBeforeUnload: changed,
  });
}

export const tenantPath = (id: string) => `/tenants/${encodeURIComponent(id)}`;
