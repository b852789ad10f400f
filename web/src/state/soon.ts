/** Work that is next: what is asked then is on its way, and what is drawn is there, when the next frame begins. */

/** After what runs now, and before the next frame where the browser can. */
export function soon(run: () => void): void {
  if (globalThis.scheduler === undefined) setTimeout(run, 0);
  else void globalThis.scheduler.postTask(run, { priority: "user-blocking" });
}

/** After all that is next. */
export function afterwards(run: () => void): void {
  if (globalThis.scheduler === undefined) setTimeout(run, 0);
  else void globalThis.scheduler.postTask(run, { priority: "user-visible" });
}
