/** Nothing to see yet, and the line of code that changes it. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";

export type EmptyProps = { readonly title: string; readonly code?: string; readonly children?: ComponentChildren };

export function Empty({ title, code, children }: EmptyProps): JSX.Element {
  const isCopied = useSignal(false);
  const copy = (): void => {
    void navigator.clipboard?.writeText(code ?? "").then(() => {
      isCopied.value = true;
    });
  };
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
      {code !== undefined && (
        <div class="empty-code">
          <pre tabIndex={0}>{code}</pre>
          <button type="button" class="button" onClick={copy}>
            {isCopied.value ? "Copied" : "Copy"}
          </button>
        </div>
      )}
    </div>
  );
}
