/** Every page's path. All but the first page are chunks of their own. */

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet } from "@tanstack/react-router";
import { Overview } from "./pages/overview";
import { Crashed, Missing } from "./pages/missing";
import { Frame } from "./ui/frame";
import { decode, encode, type Search } from "./url";

const root = createRootRoute({
  validateSearch: (search: Record<string, unknown>): Search => search as Search,
  component: () => (
    <Frame>
      <Outlet />
    </Frame>
  ),
  notFoundComponent: Missing,
});

const at = () => root;
const routes = [
  createRoute({ getParentRoute: at, path: "/", component: Overview }),
  createRoute({ getParentRoute: at, path: "/tenants", component: lazyRouteComponent(() => import("./pages/tenants"), "Tenants") }),
];

export const router = createRouter({
  routeTree: root.addChildren(routes),
  basepath: new URL(document.baseURI).pathname,
  parseSearch: decode,
  stringifySearch: encode,
  defaultErrorComponent: Crashed,
  scrollRestoration: true,
});
