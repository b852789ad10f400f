// Says when a chart of anybody's page was drawn: put into each tab before its own scripts.
(() => {
  let last = 0;
  let lastAnswer = 0;
  const seen = () => (last = performance.now());
  const watch = (proto, names) => {
    for (const name of proto === undefined ? [] : names) {
      const own = proto[name];
      proto[name] = function (...words) {
        seen();
        return own.apply(this, words);
      };
    }
  };
  watch(window.CanvasRenderingContext2D?.prototype, ["stroke", "fill", "drawImage"]);
  watch(window.WebGLRenderingContext?.prototype, ["drawArrays", "drawElements"]);
  watch(window.WebGL2RenderingContext?.prototype, ["drawArrays", "drawElements"]);
  addEventListener("DOMContentLoaded", () => {
    const shapes = { subtree: true, childList: true, attributes: true, attributeFilter: ["d", "points", "x1", "y1"] };
    new MutationObserver(seen).observe(document.documentElement, shapes);
  });
  const answered = (list) => list.getEntries().forEach(({ responseEnd }) => (lastAnswer = Math.max(lastAnswer, responseEnd)));
  new PerformanceObserver(answered).observe({ type: "resource", buffered: true });
  window.quiet = {
    /**
     * Milliseconds since the address was asked for until the last thing that was drawn or put into the document before
     * `forMs` of quiet, with a chart there; with `isByAnswers` until the last answer before so much quiet.
     */
    chart: async (selector, forMs, patienceMs, isByAnswers) => {
      while (performance.now() < patienceMs) {
        await new Promise((done) => setTimeout(done, 50));
        const charts = [...document.querySelectorAll(selector)].filter((one) => one.getBoundingClientRect().width > 100);
        const at = isByAnswers ? Math.max(last, lastAnswer) : last;
        if (charts.length > 0 && performance.now() - at > forMs) return at;
      }
      throw new Error(`no chart within ${patienceMs} ms`);
    },
  };
})();
