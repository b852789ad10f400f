/** A view whose code comes when it is first looked at. */

import { useSignal } from "@preact/signals";
import type { ComponentType, JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Problem } from "./Problem";

/** What came once is there at once: no frame says that it is on its way. */
const views = new WeakMap<() => Promise<unknown>, unknown>();

export function Lazy<P extends object>({ load, props }: { readonly load: () => Promise<ComponentType<P>>; readonly props: P }): JSX.Element {
  const came = useSignal(0);
  const isLost = useSignal(false);
  useEffect(() => {
    if (views.has(load)) return;
    let isWaiting = true;
    isLost.value = false;
    load().then(
      (view) => {
        views.set(load, view);
        if (isWaiting) came.value += 1;
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
  void came.value;
  const View = views.get(load) as ComponentType<P> | undefined;
  return View === undefined ? <p class="waiting">Loading…</p> : <View {...props} />;
}
