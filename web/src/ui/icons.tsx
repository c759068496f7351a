import type { ReactNode } from "react";

const PATHS = {
  overview: "M3 13h6V3H3zM11 17h6V9h-6zM3 17h6v-2H3zM11 3v4h6V3z",
  tenants: "M7 9a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM1.5 17c0-3 2.5-5 5.5-5s5.5 2 5.5 5M13 9a2.5 2.5 0 1 0 0-5M15 12c2 .5 3.500 2.300 3.500 5",
  features: "M10 2.500 17 6v8l-7 3.500L3 14V6zM3 6l7 3.500L17 6M10 9.500v8",
  services: "M3 4h14v4H3zM3 12h14v4H3zM6 6h.01M6 14h.01",
  health: "M2 10h4l2-6 4 12 2-6h4",
  jobs: "M10 18a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM10 5.500V10l3 2",
  audit: "M5 2h7l4 4v12H5zM8 10h5M8 13.500h5",
  ask: "M3 4h14v10H9l-4 3.500V14H3z",
  explore: "M10 18a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM13 7l-2 4.500L7 13l2-4.500z",
  settings: "M10 12.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5zM10 2v2.500M10 15.500V18M2 10h2.500M15.500 10H18M4.300 4.300l1.800 1.800M13.900 13.900l1.800 1.800M15.700 4.300l-1.800 1.800M6.100 13.900l-1.800 1.800",
  forecasts: "M2 15l4-5 3 3 4-6M13 7l5-3M15 3.500l3 .5-1 3",
  insights: "M10 2a5.500 5.500 0 0 0-3 10v2.500h6V12a5.500 5.500 0 0 0-3-10zM8 17.500h4",
  search: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12zM13.500 13.500 18 18",
  sun: "M10 13.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM10 1.500v2M10 16.500v2M1.500 10h2M16.500 10h2M4 4l1.400 1.400M14.600 14.600 16 16M16 4l-1.400 1.400M5.400 14.600 4 16",
  moon: "M16.500 12.500A7 7 0 0 1 7.500 3.500a7 7 0 1 0 9 9z",
  menu: "M3 5h14M3 10h14M3 15h14",
  info: "M10 18a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM10 9v5M10 6.200v.1",
  download: "M10 3v10M6 9.500l4 4 4-4M3.500 17h13",
  table: "M3 4h14v12H3zM3 8h14M3 12h14M9 4v12",
  chart: "M3 17V3M3 17h14M7 14V9M11 14V5M15 14v-3",
  warn: "M10 3 18 17H2zM10 8v4M10 14.500v.1",
  check: "M4 10.500 8 14.500 16 5.500",
  close: "M5 5l10 10M15 5 5 15",
  chevron: "M6 8l4 4 4-4",
  right: "M8 5l5 5-5 5",
  up: "M10 16V4M5 9l5-5 5 5",
  down: "M10 4v12M5 11l5 5 5-5",
  columns: "M3 4h14v12H3zM8 4v12M12.500 4v12",
  calendar: "M3 5h14v12H3zM3 9h14M7 3v3M13 3v3",
  bell: "M5 14V9a5 5 0 0 1 10 0v5l1.500 1.500h-13zM8.500 17.500h3",
  link: "M8 12l4-4M7 9 5 11a2.800 2.800 0 0 0 4 4l2-2M13 11l2-2a2.800 2.800 0 0 0-4-4L9 7",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }): ReactNode {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" fill="none" aria-hidden="true" style={{ flex: "none" }}>
      <path d={PATHS[name]} stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
