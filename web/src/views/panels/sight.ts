/** Which elements are in sight, or nearly. */

/** Elements this far beyond the edge count as in sight, so that they are there when they come. */
const MARGIN_PX = 160;

/** Whether it lies in the window or nearly, whatever it is scrolled out of. */
function isInWindow(element: Element): boolean {
  const { top, bottom, width } = element.getBoundingClientRect();
  return width > 0 && bottom > -MARGIN_PX && top < innerHeight + MARGIN_PX;
}

export class Sight {
  private readonly listeners = new Map<Element, (isInSight: boolean) => void>();
  private readonly observer: IntersectionObserver;

  constructor() {
    this.observer = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) this.listeners.get(entry.target)?.(entry.isIntersecting);
      },
      // The second one is for panels that scroll within a part of the page.
      { rootMargin: `${MARGIN_PX}px`, scrollMargin: `${MARGIN_PX}px` } as IntersectionObserverInit,
    );
  }

  /** Tell whether the element is in sight, each time that changes; ends with what is returned. */
  watch(element: Element, told: (isInSight: boolean) => void): () => void {
    this.listeners.set(element, told);
    this.observer.observe(element);
    if (isInWindow(element)) told(true); // the observer says so two frames later
    return () => {
      this.listeners.delete(element);
      this.observer.unobserve(element);
    };
  }

  close(): void {
    this.observer.disconnect();
  }
}
