/** The stroke of a line, as it is drawn. */

import type { JSX } from "preact";

export function Swatch(props: { readonly colour: string; readonly dash: readonly number[] }): JSX.Element {
  return (
    <svg class="swatch" width="18" height="8" viewBox="0 0 18 8" aria-hidden="true">
      <line x1="0" x2="18" y1="4" y2="4" stroke={props.colour} stroke-width="2" stroke-dasharray={props.dash.join(" ")} />
    </svg>
  );
}
