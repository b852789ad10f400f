/** When the page is printed, which is told in time for all that must be another on paper. */

/** Tell that printing begins, or is over, at once and before anything is printed; until what is returned is called. */
export function watchPrinting(told: (isPrinting: boolean) => void): () => void {
  const print = matchMedia("print");
  const end = new AbortController();
  const { signal } = end;
  print.addEventListener("change", () => told(print.matches), { signal });
  addEventListener("beforeprint", () => told(true), { signal });
  addEventListener("afterprint", () => told(false), { signal });
  return () => end.abort();
}
