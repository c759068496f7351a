import { appendFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { createElement, type FunctionComponent } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { defineConfig, runnerImport, type Plugin } from "vite";

const LICENSES = "THIRD_PARTY_LICENSES.txt";
const out = join(import.meta.dirname, "../src/tenantry/gateways/static");

/** A .gz beside every text, so that the server packs nothing. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    closeBundle() {
      // Apache's licence asks for the notice, too.
      appendFileSync(join(out, LICENSES), `\n${readFileSync(join(import.meta.dirname, "node_modules/echarts/NOTICE"))}`);
      for (const entry of readdirSync(out, { recursive: true, encoding: "utf8" })) {
        if (/\.(js|css|svg|txt)$/.test(entry)) {
          const file = join(out, entry);
          writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
        }
      }
    },
  };
}

/** Names of classes are the file's and their own, so that index.html can have them, too. */
const scoped = (name: string, file: string) => `${basename(file).split(".")[0]}-${name}`;
const namesIn = (file: string) => new Proxy({}, { get: (_, name) => scoped(String(name), file) });

/** The frame into index.html; the code is fetched while it is painted, and begun by public/begin.js. */
function framed(): Plugin {
  return {
    name: "framed",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      async handler(html) {
        const file = join(import.meta.dirname, "src/ui/shell.tsx");
        const { module } = await runnerImport<{ Shell: FunctionComponent<object> }>(file);
        const names = { css: namesIn("frame.module.css"), page: namesIn("page.module.css") };
        return html
          .replace("<!--frame-->", renderToStaticMarkup(createElement(module.Shell, names)))
          .replace(/<script type="module" crossorigin src="(.*?)"><\/script>/, '<link rel="modulepreload" crossorigin data-begin href="$1">');
      },
    },
  };
}

const FRAME = /node_modules|src\/(ui|format|api)\/|rolldown\/runtime/;
const LATER = new RegExp(
  [
    "node_modules/(echarts|zrender|react-remove-scroll|react-style-singleton|use-sidecar|use-callback-ref|get-nonce)",
    "@mantine/core/esm/components/(Modal|Drawer|ScrollArea|NativeScrollArea|CloseButton)",
    "src/ui/(palette|keys_help|drawer|answers|decision)",
  ].join("|"),
);

export default defineConfig({
  base: "./",
  plugins: [react(), framed(), packed()],
  css: { modules: { generateScopedName: scoped } },
  build: {
    outDir: out,
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: LICENSES },
    chunkSizeWarningLimit: 900,
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        // What every page needs comes in one piece; ECharts, dialogs and the pages themselves wait.
        codeSplitting: { groups: [{ name: "frame", test: (id) => FRAME.test(id) && !LATER.test(id) }] },
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8080", "/auth": "http://127.0.0.1:8080" } },
});
