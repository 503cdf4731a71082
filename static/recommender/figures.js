/* Draws the figures that lie in the page as JSON, in the colours of the page. */
"use strict";

(() => {
  /* A token's colour as the page shows it now (light-dark() is resolved by asking an element for its colour). */
  const probe = document.createElement("span");
  probe.hidden = true;
  function token(name) {
    if (name === "--sans") return getComputedStyle(document.body).fontFamily;
    if (!probe.isConnected) document.body.append(probe);
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  }

  /* Figures are written in light ink (explain/figures/theme.py); these colours follow the page. */
  const FOLLOWS = {
    "#1b1c1f": "--ink", "#55585f": "--ink-2", "#696c74": "--ink-3", "#8f9198": "--line", "#e5e5e1": "--hairline",
    "#5c5f66": "--algorithm-popularity", "#4540c4": "--accent", "#66758c": "--count", "#ffffff": "--page",
  };
  function coloured(value) {
    if (typeof value === "string") return FOLLOWS[value] ? token(FOLLOWS[value]) : value;
    if (Array.isArray(value)) return value.map(coloured);
    if (value && typeof value === "object" && !ArrayBuffer.isView(value)) {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each)]));
    }
    return value;
  }

  const axes = (layout) => Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key));

  function dressed(source) {
    const figure = structuredClone(source);
    const layout = figure.layout;
    const axis = {
      gridcolor: token("--hairline"), linecolor: token("--line"), zerolinecolor: token("--line"),
      tickcolor: token("--line"), tickfont: { color: token("--ink-2"), size: 12 },
    };
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font = { ...layout.font, color: token("--ink-2"), family: token("--sans"), size: 12 };
    layout.hoverlabel = {
      bgcolor: token("--raised"), bordercolor: token("--line"), align: "left",
      font: { color: token("--ink"), family: token("--sans"), size: 13 },
    };
    ["xaxis", "yaxis", ...axes(layout)].forEach((name) => {
      layout[name] = { ...axis, ...layout[name] };
      if (layout[name].title && layout[name].title.text) {
        layout[name].title.font = { color: token("--ink-3"), size: 12 };
      }
    });
    return { data: coloured(figure.data), layout: coloured(layout) };
  }

  function draw(plot) {
    const holder = document.getElementById(plot.dataset.figure);
    if (!holder || !window.Plotly) return;
    const figure = dressed(JSON.parse(holder.textContent));
    figure.layout.height = Number(plot.dataset.height) || 320;
    figure.layout.autosize = true;
    if (plot.clientWidth < 480 && figure.layout.xaxis.type !== "category") figure.layout.xaxis.nticks = 4;
    const waiting = plot.querySelector(":scope > p");
    if (waiting) waiting.remove();
    window.Plotly.react(plot, figure.data, figure.layout, { displayModeBar: false, responsive: true, showTips: false });
    plot.dataset.drawn = "yes";
  }

  function drawAll(scope) {
    scope.querySelectorAll("[data-figure]").forEach(draw);
  }

  /* First the page, then the figures: those in view first. */
  function start() {
    const near = new IntersectionObserver((entries) => entries.forEach((entry) => {
      if (!entry.isIntersecting) return;
      near.unobserve(entry.target);
      draw(entry.target);
    }), { rootMargin: "400px" });
    document.querySelectorAll("[data-figure]").forEach((plot) => near.observe(plot));
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
  document.addEventListener("themechange", () => drawAll(document));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll(document));
  document.addEventListener("htmx:afterSwap", (event) => drawAll(event.target));
})();
