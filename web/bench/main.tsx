/**
 * The panels of a made-up project, to be looked at: `npx vite`, then /bench/?runs=50&keys=edge&theme=dark.
 * keys: few, edge or a number; group=config.lr; live=1; state= a PanelsState as JSON; real=ENTITY/PROJECT asks a server.
 */

import "../src/style/tokens.css";
import "../src/style/base.css";
import { signal } from "@preact/signals";
import { render } from "preact";
import type { PanelsState } from "../src/state/panels";
import { Panels } from "../src/views/panels/Panels";
import { FakeServer } from "./fake_server";

const query = new URLSearchParams(location.search);
const KEYS: Readonly<Record<string, readonly string[]>> = {
  few: ["loss", "accuracy_noise", "train/loss", "train/spikes", "val/loss_partly", "val/short"],
  edge: [
    "not_finite", "one_point", "constant", "huge", "tiny", "below_nought", "spikes", "short",
    `a_key_with_a_very_long_name_${"that_goes_on_and_on_".repeat(9)}/loss`, "emoji 😀 \"quoted\" <b>/loss", "val/loss_partly",
  ],
};
const keysName = query.get("keys") ?? "few";
const keys = KEYS[keysName] ?? Array.from({ length: Number(keysName) || 24 }, (_, i) => `group${Math.floor(i / 50)}/metric${i}`);
const server = new FakeServer({
  runCount: Number(query.get("runs") ?? 50),
  rowCount: Number(query.get("rows") ?? 10_000),
  keys,
  delayMs: Number(query.get("delay") ?? 0),
  rowsPerS: query.has("live") ? 200 : 0,
});
const [entity = "ada", project = "digits"] = (query.get("real") ?? "").split("/").filter(Boolean);
if (query.has("real")) askTheServer();
else server.install();
const theme = query.get("theme");
if (theme !== null) document.documentElement.dataset["theme"] = theme;

const settings = signal(JSON.parse(query.get("state") ?? "{}") as PanelsState);
const version = signal("0");
if (query.has("live")) setInterval(() => (version.value = String(server.rowCount)), 500);
const names = new Map(server.runIds.map((id, i) => [id, query.has("long") ? `a run whose name is long ${"and longer ".repeat(i % 12)}${i}` : `net-${i}`]));
const hoverRun = signal<string | null>(query.get("hover"));
Object.assign(globalThis, { benchServer: server, benchSettings: settings, benchHover: hoverRun });

render(
  <Panels
    entity={entity}
    project={project}
    runIds={signal(null)}
    filters={signal(null)}
    groupBy={signal(query.get("group")?.split(",") ?? [])}
    hiddenRuns={signal(new Set<string>())}
    runNames={signal(names)}
    settings={settings}
    version={version}
    hoverRun={hoverRun}
  />,
  document.getElementById("page")!,
);

/** This page is one folder deeper than the real one. */
function askTheServer(): void {
  const real = globalThis.fetch;
  globalThis.fetch = (address, request) => real(String(address).replace(/^\.\/api/, "/api"), request);
}
