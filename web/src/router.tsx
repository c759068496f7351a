/** Every page's path. All but the first page are chunks of their own. */

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet } from "@tanstack/react-router";
import { Overview } from "./pages/overview";
import { Crashed, Missing } from "./pages/missing";
import { Door } from "./ui/door";
import { Frame } from "./ui/frame";
import { decode, encode, type Search } from "./url";

const root = createRootRoute({
  validateSearch: (search: Record<string, unknown>): Search => search as Search,
  component: () => (
    <Door>
      <Frame>
        <Outlet />
      </Frame>
    </Door>
  ),
  notFoundComponent: Missing,
});

const at = () => root;

/** A page in a chunk of its own, exported there under `name`. */
function page<M>(path: string, load: () => Promise<M>, name: keyof M & string) {
  return createRoute({ getParentRoute: at, path, component: lazyRouteComponent(load as never, name) as never });
}

const routes = [
  createRoute({ getParentRoute: at, path: "/", component: Overview }),
  page("/tenants", () => import("./pages/tenants"), "Tenants"),
  page("/tenants/$id", () => import("./pages/tenant"), "Tenant"),
  page("/features", () => import("./pages/features"), "Features"),
  page("/features/$id", () => import("./pages/features"), "Feature"),
  page("/services", () => import("./pages/services"), "Services"),
  page("/services/$id", () => import("./pages/services"), "Service"),
  page("/forecasts", () => import("./pages/forecasts"), "Forecasts"),
  page("/insights", () => import("./pages/insights"), "Insights"),
  page("/ask/{-$id}", () => import("./pages/ask"), "Ask"),
  page("/decisions", () => import("./pages/decisions"), "Decisions"),
  page("/health", () => import("./pages/health"), "Health"),
  page("/bring", () => import("./pages/bring"), "default"),
  page("/jobs", () => import("./pages/jobs"), "Jobs"),
  page("/jobs/$id", () => import("./pages/jobs"), "OneJob"),
  page("/audit", () => import("./pages/audit"), "Audit"),
  page("/explore", () => import("./pages/explore"), "Explore"),
  page("/explore/$name", () => import("./pages/capability"), "Capability"),
  page("/lineage/$capability/$tool", () => import("./pages/lineage"), "Lineage"),
  page("/settings", () => import("./pages/settings"), "Settings"),
];

export const router = createRouter({
  routeTree: root.addChildren(routes),
  basepath: new URL(document.baseURI).pathname,
  parseSearch: decode,
  stringifySearch: encode,
  defaultErrorComponent: Crashed,
  scrollRestoration: true,
});
