/** What was done last, with the way to take it back. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { told, undoThis } from "../../state/undo";
import { Icon } from "./Icon";

const SHOWN_MS = 8_000;

export function Toast(): JSX.Element {
  const deed = told.value;
  useEffect(() => {
    if (deed === null || deed.isProblem) {
      return;
    }
    const timer = setTimeout(() => (told.value = null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [deed]);
  return (
    <div class="toast-place" role={deed?.isProblem === true ? "alert" : "status"}>
      {deed !== null && (
        <div class={deed.isProblem ? "toast toast-bad" : "toast"}>
          <span>{deed.said}</span>
          {deed.takeBack !== null && (
            <button type="button" class="toast-button" onClick={() => void undoThis(deed)}>
              Undo
            </button>
          )}
          <button type="button" class="button-icon" aria-label="Dismiss" onClick={() => (told.value = null)}>
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  );
}
