/** What a component asks the server for, and how far that is. */

import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isAborted, type Ask } from "../../wire/http";

export type Loaded<T> = { readonly value: T | null; readonly error: Error | null; readonly isWaiting: boolean };

/**
 * Ask now, and again whenever one of `inputs` is another; an answer that nobody waits for any more is dropped.
 *
 * The last answer stays while the next is on its way, and when that fails: what is looked at does not vanish. A
 * component that shows another thing must be another component: give it a `key`.
 */
export function useLoaded<T>(load: (ask: Ask) => Promise<T>, inputs: readonly unknown[]): readonly [ReadonlySignal<Loaded<T>>, () => void] {
  const loaded = useSignal<Loaded<T>>({ value: null, error: null, isWaiting: true });
  const again = useSignal(0);
  useEffect(() => {
    const abort = new AbortController();
    loaded.value = { ...loaded.peek(), isWaiting: true };
    load({ signal: abort.signal }).then(
      (value) => (loaded.value = { value, error: null, isWaiting: false }),
      (error: unknown) => {
        if (!isAborted(error)) {
          loaded.value = { value: loaded.peek().value, error: error as Error, isWaiting: false };
        }
      },
    );
    return () => abort.abort();
  }, [...inputs, again.value]);
  return [loaded, () => (again.value += 1)];
}
