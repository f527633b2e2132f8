// Puts back what hide.js has changed: an author's cleanup may still need the page.
() => {
  for (const [element, style] of window.__prober_hidden ?? []) {
    if (style === null) element.removeAttribute("style");
    else element.setAttribute("style", style);
  }
  delete window.__prober_hidden;
}
