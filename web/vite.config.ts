import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Puts `NAME.gz` beside each built file: who serves the page compresses nothing. */
function compressedTwins(): Plugin {
  let folder = "";
  return {
    name: "compressed-twins",
    apply: "build",
    configResolved(config) {
      folder = join(config.root, config.build.outDir, "assets");
    },
    closeBundle() {
      for (const name of readdirSync(folder)) {
        if (/\.(js|css|svg)$/.test(name)) {
          writeFileSync(join(folder, `${name}.gz`), gzipSync(readFileSync(join(folder, name)), { level: 9 }));
        }
      }
    },
  };
}

// RUNLAKE_SERVER is where `npm run dev` sends the addresses of the API.
const server = process.env["RUNLAKE_SERVER"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  root: import.meta.dirname,
  plugins: [compressedTwins()],
  experimental: {
    // index.html is served at `/`, what it names below `/page/`; what these files name of each other is beside them.
    renderBuiltUrl: (name, { hostType }) => (hostType === "html" ? `./page/${name}` : { relative: true }),
  },
  build: {
    outDir: "../src/runlake/page",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": { target: server, changeOrigin: true } } },
});
