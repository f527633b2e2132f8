// Brings the page up to date in place, and says so when the agent does not answer.
"use strict";

const seconds = Number(document.currentScript.dataset.refresh);
const silent = document.getElementById("silent");
let pending = null;

function replace(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  const live = fresh.getElementById("live");
  if (!live) throw new Error("this is not the status page");
  const focused = document.activeElement?.closest("#live") && document.activeElement.getAttribute("href");
  document.getElementById("live").replaceWith(live);
  if (focused) live.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
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
