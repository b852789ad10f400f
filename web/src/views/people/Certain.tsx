/** A button for what cannot be taken back: it asks once more. */

import type { JSX } from "preact";
import { Popover } from "../parts/Popover";

type CertainProps = {
  /** What is done, and to what, as the button and a screen reader say it. */
  readonly label: string;
  readonly name: string;
  readonly warning?: string | null;
  readonly act: () => Promise<void>;
};

export function Certain({ label, name, warning, act }: CertainProps): JSX.Element {
  return (
    <Popover button={label} label={`${label} ${name}`} buttonClass="button-link button-bad">
      {(close) => (
        <div class="menu">
          <p class="menu-text">
            {label} {name}? This cannot be undone. {warning}
          </p>
          <button
            type="button"
            class="button button-bad"
            onClick={() => {
              close();
              void act();
            }}
          >
            {label}
          </button>
        </div>
      )}
    </Popover>
  );
}
