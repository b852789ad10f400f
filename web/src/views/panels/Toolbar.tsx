/** Above the panels: search, what holds for all of them, and following. */

import type { JSX } from "preact";
import { changed, commonSettings, withFollowing, withSettings, withSharedZoom, type PanelsState } from "../../state/panels";
import { AddPanel } from "./AddPanel";
import { usePanels } from "./panels_context";
import { Popover } from "./Popover";
import { Choice } from "./Choice";
import { SettingsForm } from "./SettingsForm";

const SIZES = [["small", "small"], ["medium", "medium"], ["large", "large"]] as const;

function foundText(found: readonly string[] | null, all: readonly string[], isSearched: boolean): string {
  if (found === null) return "not a regular expression";
  const keys = `${all.length.toLocaleString("en")} ${all.length === 1 ? "key" : "keys"}`;
  return isSearched ? `${found.length.toLocaleString("en")} of ${keys}` : keys;
}

function Search(): JSX.Element {
  const { model } = usePanels();
  const { found, numberKeys, search } = model;
  const set = (text: string): void => model.change((state) => changed(state, { search: text === "" ? undefined : text }));
  return (
    <>
      <input type="search" class="panels-search" aria-label="Search panels" placeholder="Search panels, or /regex/" spellcheck={false}
        value={search.value} onInput={(event) => set(event.currentTarget.value)} />
      <span class="panels-found" aria-live="polite">{foundText(found.value, numberKeys.value, search.value !== "")}</span>
    </>
  );
}

function CommonSettings(): JSX.Element {
  const { model } = usePanels();
  const state = model.source.settings.value;
  return (
    <SettingsForm settings={commonSettings(state)} isGrouped={model.source.groupBy.value.length > 0} keys={model.numberKeys.value}
      onChange={(change) => model.change((before) => withSettings(before, null, change))}>
      <Choice label="panels" value={state.size ?? "medium"} options={SIZES}
        onChoose={(size) => model.change((before) => changed(before, { size: size === "medium" ? undefined : size }))} />
      <label class="check">
        <input type="checkbox" checked={state.isZoomOwn !== true}
          onChange={(event) => model.change((before) => withSharedZoom(before, event.currentTarget.checked))} />
        <span>zoom all panels with the same x together</span>
      </label>
    </SettingsForm>
  );
}

/** Back to all of x, in all panels. */
function withoutZooms(state: PanelsState): PanelsState {
  return changed(state, { zooms: undefined });
}

/** `hasFollow` false: what is around the panels has the switch for it. */
export function Toolbar({ hasFollow }: { readonly hasFollow: boolean }): JSX.Element {
  const { model } = usePanels();
  const state = model.source.settings.value;
  const isFollowing = state.isFollowing === true;
  return (
    <div class="panels-bar" role="toolbar" aria-label="Panels">
      <Search />
      <span class="panels-gap" />
      {model.newKeys.value !== null && (
        <button type="button" class="chip" onClick={() => model.takeNewKeys()}>new keys: show</button>
      )}
      {state.zooms !== undefined && (
        <button type="button" class="tool" onClick={() => model.change(withoutZooms)}>Zoom back</button>
      )}
      {hasFollow && (
        <button type="button" class={`tool ${isFollowing ? "is-on" : ""}`} aria-pressed={isFollowing}
          title="Move the axes as data comes, until a chart is touched"
          onClick={() => model.change((before) => withFollowing(before, !isFollowing))}>
          Follow
        </button>
      )}
      <Popover label="Settings of all panels" face="Settings">{() => <CommonSettings />}</Popover>
      <AddPanel />
    </div>
  );
}
