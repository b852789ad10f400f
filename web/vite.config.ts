import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { build, defineConfig, type Plugin } from "vite";

/** Puts `NAME.gz` beside each built file: who serves the page compresses nothing. */
function compressedTwins(): Plugin {
  let folder = "";
  return {
    name: "compressed-twins",
    apply: "build",
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir, "assets");
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

const TARGET = "es2022";

/** Builds `report/report.js` and `.css`, each whole in one file: `runlake view` puts them into the files it makes. */
function report(): Plugin {
  let folder = "";
  return {
    name: "report",
    apply: "build",
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir, "report");
    },
    async closeBundle() {
      await build({
        configFile: false,
        root: import.meta.dirname,
        logLevel: "warn",
        build: {
          outDir: folder,
          emptyOutDir: true,
          target: TARGET,
          modulePreload: false,
          reportCompressedSize: false,
          lib: { entry: "src/report.tsx", formats: ["iife"], name: "report", fileName: () => "report.js", cssFileName: "report" },
        },
      });
    },
  };
}

// RUNLAKE_SERVER is where `npm run dev` sends the addresses of the API.
const server = process.env["RUNLAKE_SERVER"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  root: import.meta.dirname,
  plugins: [compressedTwins(), report()],
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
    target: TARGET,
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": { target: server, changeOrigin: true } } },
});
