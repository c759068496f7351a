/** The pages, in the order of the navigation. */

import type { IconName } from "./icons";

export interface Place {
  path: string;
  name: string;
  icon: IconName;
  key: string;
  group: "money" | "trust" | "run";
}

export const PLACES: Place[] = [
  { path: "/", name: "Overview", icon: "overview", key: "o", group: "money" },
  { path: "/tenants", name: "Tenants", icon: "tenants", key: "t", group: "money" },
  { path: "/features", name: "Features", icon: "features", key: "f", group: "money" },
  { path: "/services", name: "Services", icon: "services", key: "s", group: "money" },
  { path: "/forecasts", name: "Forecasts", icon: "forecasts", key: "c", group: "money" },
  { path: "/insights", name: "Insights", icon: "insights", key: "i", group: "money" },
  { path: "/ask", name: "Ask", icon: "ask", key: "q", group: "money" },
  { path: "/health", name: "Data health", icon: "health", key: "h", group: "trust" },
  { path: "/explore", name: "Explore", icon: "explore", key: "e", group: "trust" },
  { path: "/decisions", name: "Decisions", icon: "check", key: "d", group: "run" },
  { path: "/jobs", name: "Jobs", icon: "jobs", key: "j", group: "run" },
  { path: "/audit", name: "Audit", icon: "audit", key: "a", group: "run" },
  { path: "/settings", name: "Settings", icon: "settings", key: ",", group: "run" },
];

export const GROUPS: [Place["group"], string][] = [
  ["money", "Money"],
  ["trust", "Evidence"],
  ["run", "Operation"],
];
