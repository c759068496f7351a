/** The pages, in the order of the navigation. */

import type { IconName } from "./icons";

export interface Place {
  path: string;
  name: string;
  icon: IconName;
  key: string;
  group: "money" | "trust" | "run";
  /** What its pages read of the choices in the bar. */
  reads?: "range" | "both";
}

export const PLACES: Place[] = [
  { path: "/", name: "Overview", icon: "overview", key: "o", group: "money", reads: "both" },
  { path: "/tenants", name: "Tenants", icon: "tenants", key: "t", group: "money", reads: "both" },
  { path: "/features", name: "Features", icon: "features", key: "f", group: "money", reads: "range" },
  { path: "/services", name: "Services", icon: "services", key: "s", group: "money", reads: "range" },
  { path: "/forecasts", name: "Forecasts", icon: "forecasts", key: "c", group: "money" },
  { path: "/insights", name: "Insights", icon: "insights", key: "i", group: "money", reads: "range" },
  { path: "/ask", name: "Ask", icon: "ask", key: "q", group: "money" },
  { path: "/health", name: "Data health", icon: "health", key: "h", group: "trust", reads: "range" },
  { path: "/explore", name: "Explore", icon: "explore", key: "e", group: "trust", reads: "range" },
  { path: "/decisions", name: "Decisions", icon: "check", key: "d", group: "run" },
  { path: "/jobs", name: "Jobs", icon: "jobs", key: "j", group: "run" },
  { path: "/audit", name: "Audit", icon: "audit", key: "a", group: "run" },
  { path: "/settings", name: "Settings", icon: "settings", key: ",", group: "run", reads: "range" },
];

export const GROUPS: [Place["group"], string][] = [
  ["money", "Money"],
  ["trust", "Evidence"],
  ["run", "Operation"],
];

/** The place that a path belongs to. */
export function placeOf(path: string): Place | undefined {
  return PLACES.find((place) => (place.path === "/" ? path === "/" : path.startsWith(place.path)));
}
