import { createTheme, type MantineColorsTuple } from "@mantine/core";

const brand: MantineColorsTuple = [
  "#eef1fc",
  "#dbe1f8",
  "#b7c3f0",
  "#8799ec",
  "#6980e6",
  "#4d66e2",
  "#3f5ad6",
  "#344cbb",
  "#2c409c",
  "#25357f",
];

/** What Mantine must know of our tokens; everything else reads the CSS variables. */
export const theme = createTheme({
  colors: { brand },
  primaryColor: "brand",
  primaryShade: { light: 6, dark: 5 },
  defaultRadius: 8,
  fontFamily: "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "20px" },
  headings: { fontWeight: "600" },
  focusRing: "auto",
  respectReducedMotion: true,
});
