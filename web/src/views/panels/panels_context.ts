/** What all parts of the panels use together. */

import type { ReadonlySignal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Theme } from "../../drawing/surface";
import type { PanelsModel } from "../../state/panels_model";
import type { DrawQueue } from "./draw_queue";
import type { Sight } from "./sight";

export type PanelsTools = {
  readonly model: PanelsModel;
  readonly queue: DrawQueue;
  readonly sight: Sight;
  readonly theme: ReadonlySignal<Theme>;
};

const Tools = createContext<PanelsTools | null>(null);

export const PanelsToolsProvider = Tools.Provider;

export function usePanels(): PanelsTools {
  const tools = useContext(Tools);
  if (tools === null) throw new Error("panels are drawn inside Panels only");
  return tools;
}
