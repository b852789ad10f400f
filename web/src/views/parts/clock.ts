/** Now, for ages: often enough that "5 min ago" is true, and no more often. */

import { signal } from "@preact/signals";

const STEP_MS = 20_000;

/** Seconds since 1970. */
export const clockS = signal(Date.now() / 1000);

setInterval(() => {
  if (!document.hidden) {
    clockS.value = Date.now() / 1000;
  }
}, STEP_MS);
