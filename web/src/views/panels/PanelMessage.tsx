/** What is said where there is nothing to draw. */

import type { JSX } from "preact";
import type { KeyPicture } from "../../state/key_lines";
import { usePanels } from "./panels_context";

export function PanelMessage(props: { readonly picture: KeyPicture; readonly panelKey: string }): JSX.Element | null {
  const { model } = usePanels();
  const { error, tiles, lines, isLoading } = props.picture;
  if (error !== null && lines.length === 0) {
    return (
      <div class="panel-message is-error" role="alert">
        <p>{error.message}</p>
        <button type="button" class="tool" onClick={() => model.loader.retry()}>Try again</button>
      </div>
    );
  }
  if (tiles === null || lines.length > 0) return null;
  if (isLoading) return null;
  return <div class="panel-message"><p>{reasonOf(tiles, props.picture.settings.x)}</p></div>;
}

function reasonOf(tiles: NonNullable<KeyPicture["tiles"]>, x: string): string {
  if (tiles.series.length > 0) return "All runs that have it are hidden.";
  if (tiles.run_count === 0) return "No run is chosen.";
  return x.startsWith("_") ? "None of these runs has logged it." : `None of these runs has logged it together with ${x}.`;
}
