/* What makes the pages quicker to use; every page works without it. */
"use strict";

(() => {
  const root = document.documentElement;

  /* The switch of light and dark: remembered in a cookie, so that the server draws the right page at once. */
  function setTheme(theme) {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
    document.querySelectorAll(".theme button").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.value === theme));
    });
    document.dispatchEvent(new CustomEvent("themechange"));
  }
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form.theme") || !event.submitter) return;
    event.preventDefault();
    setTheme(event.submitter.value);
  });

  /* Menus close when one looks away. */
  const openMenus = () => document.querySelectorAll("details.menu[open]");
  document.addEventListener("click", (event) => {
    openMenus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });
  document.addEventListener("focusin", (event) => {
    openMenus().forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  /* "/" goes to the search, Escape closes a menu or leaves the search. */
  const typing = (element) => element.closest(
    "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      openMenus().forEach((menu) => { menu.open = false; menu.querySelector("summary").focus(); });
      if (document.activeElement.type === "search") document.activeElement.blur();
      return;
    }
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  });

  /* Choices that apply at once where there is JavaScript; their button is then not needed. */
  document.querySelectorAll("[data-apply]").forEach((form) => {
    form.addEventListener("change", (event) => {
      if (event.target.matches("select, input[type=checkbox], input[type=radio]")) form.requestSubmit();
    });
    form.querySelectorAll("[data-without-script]").forEach((button) => { button.hidden = true; });
  });

  /* "Train 3 recommenders": the button says what it will do. */
  document.querySelectorAll("[data-count-button]").forEach((form) => {
    const button = form.querySelector("[data-count-label]");
    const tell = () => {
      const count = form.querySelectorAll("input[data-counted]:checked").length;
      button.textContent = count === 1 ? "Train 1 recommender" : `Train ${count} recommenders`;
      button.disabled = count === 0;
    };
    form.addEventListener("change", tell);
    tell();
  });

  /* A table that is wider than its box can be scrolled with the keyboard. */
  const reach = (scope) => scope.querySelectorAll(".table, .lists, pre").forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0; else box.removeAttribute("tabindex");
  });
  reach(document);
  window.addEventListener("resize", () => reach(document));
  document.addEventListener("htmx:afterSwap", (event) => reach(event.target));

  /* Printing is the browser's: the button is there only where a script can ask for it. */
  document.querySelectorAll("[data-print]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  });

  /* A form is not sent twice. */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.matches("form.theme") || event.defaultPrevented) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    window.setTimeout(() => delete form.dataset.sent, 4000);
  });
})();
