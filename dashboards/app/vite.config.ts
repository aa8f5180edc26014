// How the application is built: hashed files that `api/pages` embeds and serves under /assets/app/, and nothing inline.

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `npm run dev` passes everything but its own files on to a running program.
const server = "http://127.0.0.1:8080";

export default defineConfig({
  base: "/assets/app/",
  plugins: [react()],
  // The client lives in its own folder, and its one dependency here.
  resolve: { alias: { "openapi-fetch": new URL("./node_modules/openapi-fetch", import.meta.url).pathname }, dedupe: ["react", "react-dom"] },
  build: {
    assetsDir: "",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    chunkSizeWarningLimit: 800,
  },
  server: { proxy: { "^/(v1|account|assets/(?!app))": server } },
  test: { include: ["src/**/*.test.ts"] },
});
