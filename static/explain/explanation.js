/* The explanation page: what is switched off at once, and one thing marked in every figure and in the strip. */
"use strict";

(() => {
  const form = document.getElementById("what-if");
  if (!form) return;
  let marked = "";
  let values = {};

  form.querySelectorAll("[data-without-script]").forEach((button) => { button.hidden = true; });
  const changed = () => form.dispatchEvent(new Event("change", { bubbles: true }));
  const boxes = () => [...form.querySelectorAll("input[name=without]")];

  /* Buttons that switch several things at once. */
  document.addEventListener("click", (event) => {
    const off = event.target.closest("[data-switch-off]");
    const on = event.target.closest("[data-all-on]");
    if (!off && !on) return;
    const wanted = off ? JSON.parse(off.dataset.switchOff) : [];
    const known = boxes().filter((box) => wanted.includes(box.value));
    if (off && known.length !== wanted.length) return;
    event.preventDefault();
    known.forEach((box) => { box.checked = true; box.closest(".chip").classList.remove("weak"); });
    if (on) {
      boxes().forEach((box) => { box.checked = false; });
      form.querySelectorAll("select, input[type=text]").forEach((field) => { field.value = ""; });
    }
    document.getElementById("try").scrollIntoView({ block: "start" });
    changed();
  });
  document.querySelectorAll("[data-print]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  });

  /* Of a long history what counts most is shown first. */
  const strip = document.getElementById("strip");
  const tools = form.querySelector("[data-strip-tools]");
  if (strip && tools) {
    tools.hidden = false;
    strip.classList.add("few");
    const button = tools.querySelector("[data-strip-all]");
    const whole = button.textContent;
    button.addEventListener("click", () => {
      const few = strip.classList.toggle("few");
      button.setAttribute("aria-pressed", String(!few));
      button.textContent = few ? whole : `Show only the ${strip.dataset.few} that count most`;
    });
  }
  const chips = () => strip ? [...strip.querySelectorAll(".chip")] : [];

  /* Once the list is ranked, the answer follows where it is quick, after a pause in which more
     may be switched; a slow one, and what would change it, are asked for by their buttons. */
  const QUICK = 1.5;
  function again() {
    window.htmx.trigger("#explained", "again");
  }
  let waiting = 0;
  document.body.addEventListener("ranked", () => {
    const answer = document.getElementById("answer");
    document.getElementById("reach-in").classList.add("old");
    document.getElementById("reach-again").hidden = false;
    window.clearTimeout(waiting);
    if (!answer || Number(answer.dataset.seconds) <= QUICK) { waiting = window.setTimeout(again, 500); return; }
    document.getElementById("stale").hidden = false;
  });
  document.addEventListener("click", (event) => { if (event.target.closest("[data-explain-again]")) again(); });

  /* What each card adds, from the answer that lies in the page. */
  function signed(value) {
    if (!value) return "0";
    return (value > 0 ? "+" : "−") + String(Number(Math.abs(value).toPrecision(3)));
  }
  function fill() {
    const holder = document.getElementById("unit-values");
    if (!holder) return;
    values = JSON.parse(holder.textContent);
    const most = Math.max(...Object.values(values).map(Math.abs), 0) || 1;
    chips().forEach((chip) => {
      const value = values[chip.dataset.unit];
      const known = value !== undefined;
      const kind = value < 0 ? "lowers" : "raises";
      const told = chip.querySelector(".chip-value");
      told.textContent = known ? signed(value) : "";
      told.className = `chip-value${known ? ` ${kind}` : ""}`;
      const bar = chip.querySelector(".chip-bar > span");
      bar.className = kind;
      bar.style.width = known ? `${Math.round(100 * Math.abs(value) / most)}%` : "0";
    });
    if (!strip || !strip.dataset.few) return;
    const strong = new Set(chips().sort((one, other) => Math.abs(values[other.dataset.unit] || 0)
      - Math.abs(values[one.dataset.unit] || 0)).slice(0, Number(strip.dataset.few)));
    chips().forEach((chip) => chip.classList.toggle("weak", !strong.has(chip) && !chip.querySelector("input").checked));
  }

  /* One thing is marked in all figures that draw it, in the strip and among the fields. */
  const note = document.createElement("div");
  note.className = "mark-note";
  note.setAttribute("role", "status");
  note.hidden = true;
  document.body.append(note);

  const unitsOf = (plot) => (plot.layout && plot.layout.meta && plot.layout.meta.units) || {};
  function band(plot) {
    const height = unitsOf(plot)[marked];
    const shapes = (plot.layout.shapes || []).filter((shape) => shape.name !== "mark");
    if (height !== undefined) {
      const ink = getComputedStyle(document.querySelector("a.skip")).backgroundColor;
      shapes.push({
        name: "mark", type: "rect", xref: "paper", x0: 0, x1: 1, y0: height - 0.5, y1: height + 0.5,
        line: { color: ink, width: 2 }, fillcolor: "rgba(0,0,0,0)", layer: "above",
      });
    }
    window.Plotly.relayout(plot, { shapes });
  }
  function label(unit) {
    const chip = chips().find((each) => each.dataset.unit === unit);
    return chip ? chip.querySelector(".chip-title").textContent : unit;
  }
  function mark(unit, loud) {
    if (unit === marked) return;
    marked = unit;
    document.querySelectorAll("[data-unit]").forEach((each) => {
      each.classList.toggle("marked", unit !== "" && each.dataset.unit === unit);
    });
    const chip = chips().find((each) => each.dataset.unit === unit);
    if (chip) {
      chip.classList.remove("weak");
      if (!chip.contains(document.activeElement)) strip.scrollTop += chip.getBoundingClientRect().top
        - strip.getBoundingClientRect().top - strip.clientHeight / 3;
    }
    document.querySelectorAll(".js-plotly-plot").forEach(band);
    const value = values[unit];
    note.hidden = unit === "" || !loud;
    note.textContent = unit === "" ? ""
      : `Marked: ${label(unit)}${value === undefined ? "" : `, ${signed(value)}`}. Escape clears it.`;
  }
  function hook(plot) {
    if (!Object.keys(unitsOf(plot)).length) return;
    if (marked) band(plot);
    if (plot.dataset.hooked) return;
    plot.dataset.hooked = "yes";
    plot.on("plotly_click", (event) => {
      const at = Math.round(event.points[0].y);
      const found = Object.entries(unitsOf(plot)).find(([, height]) => height === at);
      if (found) mark(found[0], true);
    });
  }
  new MutationObserver((changes) => changes.forEach(({ target }) => {
    if (target.dataset && target.dataset.drawn) hook(target);
  })).observe(document.body, { subtree: true, attributeFilter: ["data-drawn"] });

  form.addEventListener("focusin", (event) => {
    const unit = event.target.closest("[data-unit]");
    if (unit) mark(unit.dataset.unit);
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") mark(""); });
  document.addEventListener("themechange", () => document.querySelectorAll(".js-plotly-plot").forEach(hook));
  document.addEventListener("htmx:afterSwap", (event) => {
    fill();
    if (event.target.id !== "reach-in") return;
    event.target.classList.remove("old");
    document.getElementById("reach-again").hidden = true;
  });
  ["htmx:responseError", "htmx:sendError"].forEach((name) => document.body.addEventListener(name, (event) => {
    const target = event.detail.target;
    if (!target) return;
    const said = document.createElement("p");
    said.className = "empty-small";
    said.textContent = "This could not be worked out just now; nothing was changed. Load the page again.";
    target.replaceChildren(said);
  }));
  fill();
})();
