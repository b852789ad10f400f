// Says from outside of the page when its charts, tables and fields were drawn: put into each tab before its own scripts.
(() => {
  const proto = CanvasRenderingContext2D.prototype;
  const { lineTo, clearRect } = proto;
  proto.lineTo = function (x, y) {
    this.pointCount = (this.pointCount ?? 0) + 1;
    return lineTo.call(this, x, y);
  };
  proto.clearRect = function (...box) {
    this.pointCount = 0;
    this.clearedAt = performance.now();
    return clearRect.apply(this, box);
  };

  let began = 0;
  for (const kind of ["click", "pointerup", "keydown"]) {
    addEventListener(kind, (event) => (began = event.timeStamp), { capture: true });
  }
  const { port1, port2 } = new MessageChannel();
  const waiting = [];
  port1.onmessage = () => waiting.shift()();
  // A task that a frame posts runs when what it drew was handed to the screen.
  const afterFrame = () =>
    new Promise((done) => requestAnimationFrame(() => (waiting.push(done), port2.postMessage(null))));
  const patienceMs = 60_000;
  const until = async (isThere) => {
    const start = performance.now();
    do {
      if (performance.now() - start > patienceMs) throw new Error(`not drawn within ${patienceMs} ms`);
      await afterFrame();
    } while (!isThere());
    return performance.now() - began;
  };
  const scrolled = (element) => {
    while (element && !(element.scrollHeight > element.clientHeight + 50 && /auto|scroll/.test(getComputedStyle(element).overflowY)))
      element = element.parentElement;
    return element ?? document.scrollingElement;
  };

  // Each answers milliseconds since the last click, key or release of the pointer; `begin` counts from here instead.
  window.drawn = {
    begin: () => (began = performance.now()),
    /** So many panels that were drawn since, with so many points each. */
    panels: (panelCount, pointCount) =>
      until(() => {
        const contexts = [...document.querySelectorAll(".panel canvas")].map((canvas) => canvas.getContext("2d"));
        const drawn = contexts.filter(({ clearedAt, pointCount: count }) => clearedAt >= began && count >= pointCount);
        return drawn.length >= panelCount;
      }),
    rows: (selector, count) =>
      until(() => [...document.querySelectorAll(selector)].filter((row) => row.textContent !== "").length >= count),
    /** Text that matches, and is another one than `before`. */
    text: (selector, before) => until(() => document.querySelector(selector)?.textContent !== before),
    /** A question to the server and a frame that draws nothing: less it cannot be. */
    nothing: async () => {
      began = performance.now();
      await (await fetch("./api/v1/session")).json();
      return until(() => true);
    },
    /** Scrolls what scrolls about an element for a time, and answers the mean time of a frame. */
    scroll: async (selector, pixelsPerFrame, durationMs) => {
      const place = selector === null ? null : scrolled(document.querySelector(selector));
      let step = pixelsPerFrame;
      await afterFrame();
      const start = performance.now();
      let frameCount = 0;
      while (performance.now() - start < durationMs) {
        if (place !== null) {
          const before = place.scrollTop;
          place.scrollTop += step;
          if (place.scrollTop === before) step = -step;
        }
        await afterFrame();
        frameCount += 1;
      }
      return (performance.now() - start) / frameCount;
    },
  };
})();
