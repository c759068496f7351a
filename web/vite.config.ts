import { appendFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

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

export default defineConfig({
  base: "./",
  plugins: [react(), packed()],
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
        // What every page needs comes in one piece; only ECharts and the pages themselves wait.
        codeSplitting: { groups: [{ name: "frame", test: /node_modules\/(?!echarts|zrender|tslib)|src\/(ui\/(?!palette|answers|decision)|format\/|api\/)|rolldown\/runtime/ }] },
      },
    },
  },
  server: { proxy: { "/api": "http://127.0.0.1:8080", "/auth": "http://127.0.0.1:8080" } },
});
