/* What is wrong with the page as it stands: names, labels, headings, targets, width. */
() => {
  const problems = [];
  const said = (e) => `${e.tagName.toLowerCase()} ${(e.name || e.className || e.textContent || '').toString().slice(0, 40)}`;
  const visible = (e) => e.checkVisibility({checkOpacity: true, checkVisibilityCSS: true}) && e.getBoundingClientRect().width > 1;
  document.querySelectorAll('input:not([type=hidden]), select, textarea').forEach((e) => {
    if (!(e.labels && e.labels.length) && !e.getAttribute('aria-label')) problems.push('no label: ' + said(e));
  });
  document.querySelectorAll('a, button, summary').forEach((e) => {
    if (visible(e) && !e.textContent.trim() && !e.getAttribute('aria-label')) problems.push('no name: ' + said(e));
  });
  document.querySelectorAll('img').forEach((e) => { if (!e.hasAttribute('alt')) problems.push('no alt: ' + e.src); });
  let level = 0;
  document.querySelectorAll('h1, h2, h3').forEach((e) => {
    const now = Number(e.tagName[1]);
    if (now > level + 1) problems.push(`heading jumps to ${e.tagName}: ${e.textContent.trim().slice(0, 40)}`);
    level = now;
  });
  if (document.querySelectorAll('h1').length !== 1) problems.push('not exactly one h1');
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => problems.push('id twice: ' + id));
  document.querySelectorAll('table').forEach((e) => { if (!e.caption) problems.push('table without caption'); });
  if (window.innerWidth < 500) {
    document.querySelectorAll('button, .button, select, input:not([type=checkbox]):not([type=hidden]), .sections a, summary')
      .forEach((e) => { if (visible(e) && e.getBoundingClientRect().height < 39.5) problems.push('too small: ' + said(e)); });
  }
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) problems.push(`${wide} px wider than the window`);
  return problems;
}
