/** What the keyboard does. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { session } from "../../state/session";
import { Icon } from "../parts/Icon";

export const isHelpOpen = signal(false);

const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ["j  k  ↓  ↑", "next or previous run"],
  ["Enter", "open the run, or the group"],
  ["x", "select the run"],
  ["Shift + click", "select all from the last one"],
  ["h", "hide or show the run's lines"],
  ["p", "pin the run"],
  ["b", "make it the baseline"],
  ["e", "rename the run"],
  ["Delete", "delete what is selected"],
  ["u", "undo"],
  ["/", "search"],
  ["f", "add a filter"],
  ["[", "only the table, or only the charts, or both"],
  ["?", "this list"],
];

export function Help(): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const close = (): void => dialog.current?.close();
    dialog.current?.showModal();
    addEventListener("popstate", close);
    return () => removeEventListener("popstate", close);
  }, []);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="help-title" onClose={() => (isHelpOpen.value = false)}>
      <header class="dialog-head">
        <h2 id="help-title">Keyboard</h2>
        <button type="button" class="button-icon" aria-label="Close" onClick={() => dialog.current?.close()}>
          <Icon name="close" />
        </button>
      </header>
      <dl class="keys">
        {KEYS.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="soft">
        Everything that shapes what you see is in the address: copy it to show it to somebody.
        {session.value !== null && session.value.version !== "" && ` runlake ${session.value.version}, ${session.value.store ?? ""}`}
      </p>
    </dialog>
  );
}
