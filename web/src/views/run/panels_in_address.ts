/** What shapes the panels of a page that is no workspace, kept in its address under `P` as there. */

import { useSignal, useSignalEffect, type Signal } from "@preact/signals";
import { address, setInQuery } from "../../state/address";
import { checkedPanels } from "../../state/checked_panels";
import type { PanelsState } from "../../state/panels";
import { readJson, writeJson } from "../../wire/json";

/** The settings of panels that begin as `usual`, and as the address says; what is chosen is said there at once. */
export function usePanelsInAddress(usual: PanelsState): Signal<PanelsState> {
  const settings = useSignal<PanelsState>({ ...usual, ...panelsOf(address.peek().query) });
  useSignalEffect(() => {
    const chosen = Object.entries(settings.value).filter(
      ([name, part]) => writeJson(part) !== writeJson(usual[name as keyof PanelsState]),
    );
    setInQuery("P", chosen.length === 0 ? null : writeJson(Object.fromEntries(chosen)));
  });
  return settings;
}

/** Parts that cannot be read are as usual: the address may be of a newer page, or cut off in a mail. */
function panelsOf(query: string): PanelsState {
  try {
    return checkedPanels(readJson(new URLSearchParams(query).get("P") ?? "{}")).state;
  } catch (error) {
    if (error instanceof SyntaxError) {
      return {};
    }
    throw error;
  }
}
