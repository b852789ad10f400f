/** What a component asks the server for, and how far that is. */

import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { isAborted, type Ask } from "../../wire/http";

export type Loaded<T> = { readonly value: T | null; readonly error: Error | null; readonly isWaiting: boolean };

/**
 * Ask now, and again whenever one of `inputs` is another; an answer that nobody waits for any more is dropped. With
 * another `version` the same is asked again, as soon as what is on its way has come: who is slow still gets an answer.
 *
 * The last answer stays while the next is on its way, and when that fails: what is looked at does not vanish. A
 * component that shows another thing must be another component: give it a `key`.
 */
export function useLoaded<T>(
  load: (ask: Ask) => Promise<T>,
  inputs: readonly unknown[],
  version = "",
): readonly [ReadonlySignal<Loaded<T>>, () => void] {
  const loaded = useSignal<Loaded<T>>({ value: null, error: null, isWaiting: true });
  const again = useSignal(0);
  const newest = useRef(load);
  newest.current = load;
  const asker = useRef<(() => Promise<void>) | null>(null);
  const askedVersion = useRef(version);
  useEffect(() => {
    const abort = new AbortController();
    let [isAsking, isDue] = [false, false];
    const ask = async (): Promise<void> => {
      if (isAsking) {
        isDue = true;
        return;
      }
      isAsking = true;
      loaded.value = { ...loaded.peek(), isWaiting: true };
      const found = await answerOf(newest.current, abort.signal);
      isAsking = false;
      if (abort.signal.aborted) {
        return;
      }
      if (found !== null) {
        const { value, error } = found;
        loaded.value = { value: error === null ? value : loaded.peek().value, error, isWaiting: isDue };
      }
      if (isDue) {
        isDue = false;
        await ask();
      }
    };
    asker.current = ask;
    askedVersion.current = version;
    void ask();
    return () => abort.abort();
  }, [...inputs, again.value]);
  useEffect(() => {
    if (askedVersion.current !== version) {
      askedVersion.current = version;
      void asker.current?.();
    }
  }, [version]);
  return [loaded, () => (again.value += 1)];
}

/** null for one that nobody waits for any more. */
async function answerOf<T>(
  load: (ask: Ask) => Promise<T>,
  signal: AbortSignal,
): Promise<{ readonly value: T | null; readonly error: Error | null } | null> {
  try {
    return { value: await load({ signal }), error: null };
  } catch (error) {
    return isAborted(error) ? null : { value: null, error: error as Error };
  }
}
