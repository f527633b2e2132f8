// Measures the document it stands in, and tells what it knows through a binding:
// when it begins, after changes, before it is left, and whenever it is asked to
// (flush). Times are in milliseconds, and null is what has not been reported.
(() => {
  const tellBinding = window.__prober_tell;
  if (window.top !== window || !tellBinding) return;
  if (["about:", "chrome-error:"].includes(location.protocol)) return;

  // Pages, and authors who install a clock, replace these later.
  const { setTimeout, requestAnimationFrame, MessageChannel } = window;
  const now = performance.now.bind(performance);
  const stringify = JSON.stringify;

  const WINDOW_GAP = 1000; // between two shifts of one session window
  const WINDOW_LENGTH = 5000;
  const FASTEST = 16; // the shortest event that the browser reports
  const PER_OUTLIER = 50; // interactions for each one that INP passes over
  const TELL_AFTER = 200; // a change
  const FLUSH_LIMIT = 400;
  const PAINT = 100; // within which a load or an input shows, on a busy machine too
  const UNPAINTED = 200; // after its load, for a page that may never show anything

  const id = Math.random().toString(36).slice(2) + "-" + Math.round(performance.timeOrigin);
  const known = { lcp: null, cls: 0, fcp: null, ttfb: null };
  const durations = new Map(); // of interactions, by their id
  const shifts = { sum: 0, first: 0, last: 0 };
  let firstInput = null;
  let lastInput = -1; // when the last event that may become an interaction was made
  let lastEntry = -1; // the last of these that the browser has reported

  const onInput = (entry) => {
    lastEntry = Math.max(lastEntry, entry.startTime);
    if (!entry.interactionId) return;
    const before = durations.get(entry.interactionId) ?? 0;
    durations.set(entry.interactionId, Math.max(before, entry.duration));
  };
  const observed = {
    "largest-contentful-paint": (entry) => { known.lcp = entry.startTime; },
    "layout-shift": (entry) => {
      if (entry.hadRecentInput) return;
      const joins = shifts.sum > 0
        && entry.startTime - shifts.last < WINDOW_GAP
        && entry.startTime - shifts.first < WINDOW_LENGTH;
      shifts.sum = joins ? shifts.sum + entry.value : entry.value;
      if (!joins) shifts.first = entry.startTime;
      shifts.last = entry.startTime;
      known.cls = Math.max(known.cls, shifts.sum);
    },
    "event": onInput,
    "first-input": (entry) => { firstInput = entry.duration; onInput(entry); },
    "paint": (entry) => {
      if (entry.name === "first-contentful-paint") known.fcp = entry.startTime;
    },
    "navigation": (entry) => { if (entry.responseStart > 0) known.ttfb = entry.responseStart; },
  };

  let telling = false;
  const tellSoon = () => {
    if (telling) return;
    telling = true;
    setTimeout(() => { telling = false; tell("changed"); }, TELL_AFTER);
  };
  const observers = [];
  for (const [type, take] of Object.entries(observed)) {
    if (!PerformanceObserver.supportedEntryTypes.includes(type)) continue;
    const observer = new PerformanceObserver((list) => {
      list.getEntries().forEach(take);
      tellSoon();
    });
    observer.observe({ type, buffered: true, durationThreshold: FASTEST });
    observers.push([observer, take]);
  }

  const interactions = () => Math.max(performance.interactionCount ?? 0, durations.size);
  const inp = () => {
    const count = interactions();
    if (count === 0) return null;
    const slowest = [...durations.values()].sort((a, b) => b - a);
    const passed = Math.min(slowest.length - 1, Math.floor(count / PER_OUTLIER));
    return slowest.length ? slowest[passed] : firstInput;
  };
  const tell = (why) => {
    for (const [observer, take] of observers) observer.takeRecords().forEach(take);
    const painted = known.fcp !== null;
    const said = stringify({
      id, why,
      url: location.href,
      lcp: known.lcp, fcp: known.fcp, ttfb: known.ttfb,
      cls: painted ? known.cls : null, // nothing can shift before there is anything
      inp: inp(), interactions: interactions(),
    });
    try {
      tellBinding(said).catch(() => {});
    } catch { /* the page is on its way out */ }
  };

  const sleep = (time) => new Promise((done) => setTimeout(done, time));
  const frame = () => Promise.race([new Promise(requestAnimationFrame), sleep(PAINT)]);
  const task = () => new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done;
    port2.postMessage(null);
  });
  const complete = () => {
    const [navigation] = performance.getEntriesByType("navigation");
    const loaded = navigation ? navigation.loadEventEnd : 0;
    const shown = loaded === 0 || now() - loaded >= (known.fcp === null ? UNPAINTED : PAINT);
    return shown && lastEntry >= lastInput;
  };
  const flush = async () => {
    const until = now() + FLUSH_LIMIT;
    await frame();
    await frame();
    await task();
    while (!complete() && now() < until) await sleep(FASTEST);
    lastInput = -1; // what is not reported by now was too fast for it
    tell("asked");
    return true;
  };

  for (const type of ["pointerdown", "pointerup", "click", "keydown", "keyup"]) {
    addEventListener(type, (event) => {
      if (event.isTrusted) lastInput = Math.max(lastInput, event.timeStamp);
    }, { capture: true, passive: true });
  }
  addEventListener("beforeunload", () => tell("left"), { capture: true });
  addEventListener("pagehide", () => tell("left"), { capture: true });
  Object.defineProperty(window, "__prober_flush", { value: flush });
  tell("begun");
})();
