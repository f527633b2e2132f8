// Brings the page up to date in place, and says so when the agent does not answer.
"use strict";

const seconds = Number(document.currentScript.dataset.refresh);
const silent = document.getElementById("silent");
let pending = null;

// Where the same thing is on the next page: a link by its address, what can be unfolded by its id.
function path(thing) {
  if (thing.localName === "summary") return `${path(thing.parentElement)} > summary`;
  return thing.id ? `#${CSS.escape(thing.id)}` : `a[href="${CSS.escape(thing.getAttribute("href"))}"]`;
}

function replace(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const live = fresh.getElementById("live");
  if (!live) throw new Error("this is not the status page");
  const before = document.getElementById("live");
  const focused = before.contains(document.activeElement) ? path(document.activeElement) : null;
  for (const open of before.querySelectorAll("details[open]")) {
    live.querySelector(path(open))?.setAttribute("open", "");
  }
  before.replaceWith(live);
  if (focused) live.querySelector(focused)?.focus({ preventScroll: true });
  document.title = fresh.title;
  document.querySelector("link[rel=icon]").href = fresh.querySelector("link[rel=icon]").href;
}

async function refresh() {
  if (document.hidden || pending) return;
  pending = new AbortController();
  const limit = setTimeout(() => pending.abort(), 10000);
  try {
    const answer = await fetch(location.href, { signal: pending.signal, cache: "no-store" });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    replace(await answer.text());
    silent.hidden = true;
  } catch {
    silent.textContent = "The agent does not answer: what you see below is old.";
    silent.hidden = false;
  } finally {
    clearTimeout(limit);
    pending = null;
  }
}

setInterval(refresh, seconds * 1000);
document.addEventListener("visibilitychange", refresh);
