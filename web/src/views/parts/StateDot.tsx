/** A run's state as a small mark: its form says the same as its colour. */

import type { JSX } from "preact";

const KNOWN = new Set(["running", "finished", "failed", "crashed", "killed", "pending", "preempting", "preempted"]);

export function StateDot({ state }: { readonly state: string }): JSX.Element {
  return <span class={`state-dot state-${KNOWN.has(state) ? state : "other"}`} title={state} />;
}
