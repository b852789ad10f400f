/** A view whose code comes when it is first looked at. */

import { useSignal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Problem } from "./Problem";

export function Lazy<P extends object>({ load, props }: { readonly load: () => Promise<ComponentType<P>>; readonly props: P }): JSX.Element {
  const found = useSignal<{ readonly view: ComponentType<P> } | null>(null);
  const isLost = useSignal(false);
  useEffect(() => {
    let isWaiting = true;
    isLost.value = false;
    load().then(
      (view) => {
        if (isWaiting) {
          found.value = { view };
        }
      },
      () => (isLost.value = true),
    );
    return () => {
      isWaiting = false;
    };
  }, [load]);
  if (isLost.value) {
    const error = new Error("A part of this page did not come. It may be another version by now: load the page again.");
    return <Problem error={error} again={() => location.reload()} />;
  }
  const View = found.value?.view;
  return View === undefined ? <p class="waiting">Loading…</p> : <View {...props} />;
}
