/* The curve of a sweep: a point that is clicked opens. The table below holds the same addresses as links. */
"use strict";

(() => {
  function hook(plot) {
    const holder = document.getElementById(plot.dataset.figure);
    const meta = holder ? JSON.parse(holder.textContent).layout.meta : null;
    if (!meta || !meta.addresses || plot.dataset.hooked) return;
    plot.dataset.hooked = "yes";
    plot.on("plotly_click", (event) => {
      const address = meta.addresses[event.points[0].pointNumber];
      if (address) window.location.assign(address);
    });
  }
  new MutationObserver((changes) => changes.forEach(({ target }) => {
    if (target.dataset && target.dataset.drawn) hook(target);
  })).observe(document.documentElement, { subtree: true, attributeFilter: ["data-drawn"] });
})();
