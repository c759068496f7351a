import "./theme/mantine.css";
import "./theme/tokens.css";

import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Problem } from "./api/client";
import { router } from "./router";
import { theme } from "./theme/mantine";

const RELOADED = "tenantry-reloaded";

// A tab that was open across an update asks for files that are gone: load the new page, once.
addEventListener("vite:preloadError", (event) => {
  const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
  if (Date.now() - last > 10_000) {
    event.preventDefault();
    sessionStorage.setItem(RELOADED, String(Date.now()));
    location.reload();
  }
});

const client = new QueryClient({ defaultOptions: { queries: { refetchOnWindowFocus: false } } });

// A session that ended: log in again and come back here.
client.getQueryCache().subscribe((event) => {
  const problem = event.query.state.error;
  if (event.type === "updated" && problem instanceof Problem && problem.status === 401 && problem.login) {
    location.assign(new URL(`.${problem.login}?to=${encodeURIComponent(location.pathname)}`, document.baseURI));
  }
});

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" colorSchemeManager={localStorageColorSchemeManager({ key: "tenantry-theme" })}>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
