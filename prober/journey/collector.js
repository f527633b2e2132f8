// Measures the document it stands in, and tells what it knows through a binding:
// when it begins, after changes, before it is left, and whenever it is asked to
// (flush). Times are in milliseconds, and null is what has not been reported.
(() => {
  const tellBinding = window.__prober_tell;
  if (window.top !== window || !tellBinding) return;
  if (["about:", "chrome-error:"].includes(location.protocol)) return;

  // Pages, and authors who install a clock, replace these later. For the same
  // reason lists are walked by their index, and what is told inherits nothing.
  const { setTimeout, requestAnimationFrame, MessageChannel, Promise, performance } = window;
  const { abs, min, max, floor } = Math;
  const now = performance.now.bind(performance);
  const entriesOf = performance.getEntriesByType.bind(performance);
  const { stringify, parse } = JSON;
  const ours = { stringify, parse };
  const { defineProperty: define, getOwnPropertyDescriptor } = Object;
  const toJSON = (owner) => getOwnPropertyDescriptor(owner.prototype, "toJSON");
  const uncurried = (method) => Function.prototype.call.bind(method);
  const slice = uncurried(String.prototype.slice);
  const match = uncurried(String.prototype.match);

  const WINDOW_GAP = 1000; // between two shifts of one session window
  const WINDOW_LENGTH = 5000;
  const FASTEST = 16; // the shortest event that the browser reports
  const PER_OUTLIER = 50; // interactions for each one that INP passes over
  const SLOWEST = 10; // interactions of which one may become the INP
  const ONE_PAINT = 8; // events whose durations end within these were shown by the same paint
  const LONG = 50; // what a task may take
  const MOST_TASKS = 200; // that are kept before the first paint
  const MOST_SCRIPTS = 50; // of slow frames, that are remembered
  const TELL_AFTER = 200; // a change
  const FLUSH_LIMIT = 400;
  const PAINT = 100; // within which a load or an input shows, on a busy machine too
  const UNPAINTED = 200; // after its load, for a page that may never show anything
  const LONGEST_SELECTOR = 100; // characters
  const LONGEST_URL = 2000;

  const id = Math.random().toString(36).slice(2) + "-" + Math.round(performance.timeOrigin);
  const known = { lcp: null, cls: 0, fcp: null, longTask: 0, requests: 0, bytes: 0 };
  const made = { __proto__: null, lcp_element: null, lcp_url: null, cls_source: null };
  const shifts = { sum: 0, first: 0, last: 0, largest: 0, source: null };
  const slowest = []; // interactions, the slowest first
  const ran = []; // scripts, in slow frames
  let count = 0; // of them
  let tasks = [];
  let stopped = null; // whether the first input came before the page was there
  let lastInput = -1; // when the last event that may become an interaction was made
  let lastEntry = -1; // the last of these that the browser has reported
  let lastSaid = ""; // telling costs the journey time, so nothing is told twice

  const navigation = () => entriesOf("navigation")[0];
  const activation = () => navigation()?.activationStart ?? 0;
  const sinceActivation = (time) => max(0, time - activation());

  let hidden = document.visibilityState === "hidden" && !document.prerendering ? 0 : Infinity;
  const turned = entriesOf("visibility-state");
  for (let i = turned.length - 1; i >= 0 && !document.prerendering; i--) {
    const { name, startTime } = turned[i];
    if (name === "hidden" && startTime >= activation()) hidden = startTime;
  }
  addEventListener("visibilitychange", (event) => {
    if (document.visibilityState === "hidden") hidden = min(hidden, event.timeStamp);
  }, { capture: true });

  // Tags, ids and classes: nothing that the page says to its user.
  const attribute = uncurried(Element.prototype.getAttribute);
  const nameOf = (element) => {
    const own = attribute(element, "id");
    if (own) return `${element.localName}#${own}`;
    const classes = match(attribute(element, "class") ?? "", /\S+/g) ?? [];
    let name = element.localName;
    for (let i = 0; i < min(2, classes.length); i++) name += `.${classes[i]}`;
    return name;
  };
  const selector = (node) => {
    let path = "";
    for (let one = node; one && one.nodeType !== 9; one = one.parentNode ?? one.host) {
      if (one.nodeType !== 1) continue;
      const longer = path ? `${nameOf(one)} > ${path}` : nameOf(one);
      if (path && longer.length > LONGEST_SELECTOR) break;
      path = longer;
      if (attribute(one, "id")) break;
    }
    return path ? slice(path, 0, LONGEST_SELECTOR) : null;
  };
  const place = (url) => (url ? slice(match(url, /^[^?#]*/)[0], 0, LONGEST_URL) : null);

  // Of an interaction's events, those count that were shown by the paint which took longest.
  const join = (it, entry) => {
    const { startTime, processingStart, processingEnd, duration } = entry;
    const end = startTime + duration;
    it.target ??= selector(entry.target);
    if (abs(end - it.end) > ONE_PAINT) {
      if (duration <= it.duration) return;
      it.took = -1;
      it.end = end;
      it.source = null;
      it.began = it.from = Infinity;
      it.until = 0;
    }
    it.began = min(it.began, startTime);
    it.from = min(it.from, processingStart);
    it.until = max(it.until, processingEnd);
    if (processingEnd - processingStart <= it.took) return;
    it.took = processingEnd - processingStart;
    it.event = entry.name;
  };
  const onInput = (entry) => {
    lastEntry = max(lastEntry, entry.startTime);
    if (!entry.interactionId) return;
    let at = 0;
    while (at < slowest.length && slowest[at].id !== entry.interactionId) at++;
    let it = slowest[at];
    if (!it) {
      if (slowest.length === SLOWEST) {
        if (entry.duration <= slowest[SLOWEST - 1].duration) return;
        at = SLOWEST - 1;
      }
      it = { id: entry.interactionId, duration: -1, end: -Infinity, target: null };
    }
    join(it, entry);
    it.duration = max(it.duration, entry.duration);
    for (; at > 0 && slowest[at - 1].duration < it.duration; at--) slowest[at] = slowest[at - 1];
    slowest[at] = it;
  };
  const onShift = (entry) => {
    if (entry.hadRecentInput) return;
    const joins = shifts.sum > 0
      && entry.startTime - shifts.last < WINDOW_GAP
      && entry.startTime - shifts.first < WINDOW_LENGTH;
    shifts.sum = joins ? shifts.sum + entry.value : entry.value;
    if (!joins) shifts.first = entry.startTime;
    if (!joins) shifts.largest = -1;
    shifts.last = entry.startTime;
    if (entry.value > shifts.largest) {
      shifts.largest = entry.value;
      shifts.source = selector(entry.sources?.[0]?.node);
    }
    if (shifts.sum <= known.cls) return;
    known.cls = shifts.sum;
    made.cls_source = shifts.source;
  };
  const onFrame = (entry) => {
    const { scripts } = entry;
    for (let i = 0; i < scripts.length; i++) {
      const { startTime, duration, sourceURL, sourceFunctionName, sourceCharPosition } = scripts[i];
      const at = sourceCharPosition >= 0 ? ` (character ${sourceCharPosition})` : "";
      const where = sourceFunctionName ? ` (${slice(sourceFunctionName, 0, 100)})` : at;
      const source = sourceURL ? place(sourceURL) + where : null;
      ran[count++ % MOST_SCRIPTS] = { startTime, duration, source };
    }
  };
  const observed = {
    "largest-contentful-paint": (entry) => {
      if (entry.startTime >= hidden) return;
      known.lcp = sinceActivation(entry.startTime);
      made.lcp_element = selector(entry.element);
      made.lcp_url = place(entry.url);
    },
    "layout-shift": onShift,
    "event": onInput,
    "first-input": onInput,
    "paint": (entry) => {
      if (entry.name === "first-contentful-paint" && entry.startTime < hidden) {
        known.fcp = sinceActivation(entry.startTime);
      }
    },
    "longtask": (entry) => { if (tasks.length < MOST_TASKS) tasks[tasks.length] = entry; },
    "long-animation-frame": onFrame,
    "resource": (entry) => { known.requests += 1; known.bytes += entry.transferSize; },
  };

  let telling = false;
  const tellSoon = () => {
    if (telling) return;
    telling = true;
    setTimeout(() => { telling = false; tell("changed"); }, TELL_AFTER);
  };
  const observers = [];
  const takeAll = (records, take) => { for (let i = 0; i < records.length; i++) take(records[i]); };
  for (const [type, take] of Object.entries(observed)) {
    if (!PerformanceObserver.supportedEntryTypes.includes(type)) continue;
    const observer = new PerformanceObserver((list) => {
      takeAll(list.getEntries(), take);
      if (type !== "resource") tellSoon(); // a page that asks its server for ever is no news
    });
    observer.observe({ type, buffered: true, durationThreshold: FASTEST });
    observers.push([observer, take]);
  }

  // How far the tasks since the first paint went beyond what one may take.
  const longTask = () => {
    if (known.fcp === null) return null;
    const painted = known.fcp + activation();
    takeAll(tasks, ({ startTime, duration }) => {
      known.longTask += max(0, startTime + duration - max(startTime, painted) - LONG);
    });
    tasks = [];
    return known.longTask;
  };
  const interactions = () => max(performance.interactionCount ?? 0, slowest.length);
  const interaction = () => slowest[min(slowest.length - 1, floor(interactions() / PER_OUTLIER))];
  const script = ({ began, end }) => {
    let longest = null;
    takeAll(ran, (one) => {
      const isIts = one.startTime < end && one.startTime + one.duration > began;
      if (isIts && !(longest?.duration >= one.duration)) longest = one;
    });
    return longest?.source ?? null;
  };
  const parts = (it) => ({
    inp_target: it?.target ?? null,
    inp_event: it?.event ?? null,
    inp_script: it ? (it.source ??= script(it)) : null,
    inp_delay: it ? max(0, it.from - it.began) : null,
    inp_processing: it ? max(0, it.until - it.from) : null,
    inp_presentation: it ? max(0, it.began + it.duration - it.until) : null,
  });
  // Playwright's end of the binding makes JSON with whatever the page has made of that.
  const plainly = (call) => {
    const theirs = { JSON: window.JSON, array: toJSON(Array), object: toJSON(Object) };
    window.JSON = ours;
    delete Array.prototype.toJSON;
    delete Object.prototype.toJSON;
    try {
      return call();
    } finally {
      window.JSON = theirs.JSON;
      if (theirs.array) define(Array.prototype, "toJSON", theirs.array);
      if (theirs.object) define(Object.prototype, "toJSON", theirs.object);
    }
  };
  const tell = (why) => {
    for (let i = 0; i < observers.length; i++) takeAll(observers[i][0].takeRecords(), observers[i][1]);
    const arrived = navigation();
    const slow = interaction();
    const said = stringify({
      __proto__: null,
      id,
      url: slice(location.href, 0, LONGEST_URL + 1),
      lcp: known.lcp, fcp: known.fcp,
      ttfb: arrived?.responseStart > 0 ? sinceActivation(arrived.responseStart) : null,
      cls: known.fcp !== null ? known.cls : null, // nothing can shift before there is anything
      inp: slow?.duration ?? null, interactions: interactions(),
      stopped: stopped === true,
      long_task: longTask(),
      requests: known.requests + 1, // the document itself
      bytes: known.bytes + (arrived?.transferSize ?? 0),
      made: { __proto__: null, ...made, ...parts(slow) },
    });
    if (said === lastSaid) return;
    lastSaid = said;
    try {
      plainly(() => tellBinding(`{"why":"${why}",${slice(said, 1)}`)).catch(() => {});
    } catch { /* the page is on its way out */ }
  };

  const sleep = (time) => new Promise((done) => setTimeout(done, time));
  const frame = () => new Promise((done) => {
    requestAnimationFrame(done);
    setTimeout(done, PAINT);
  });
  const task = () => new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done;
    port2.postMessage(null);
  });
  const complete = () => {
    const loaded = navigation()?.loadEventEnd ?? 0;
    const shown = loaded === 0 || now() - loaded >= (known.fcp === null ? UNPAINTED : PAINT);
    return shown && lastEntry >= lastInput;
  };
  // By now what was loaded has been painted, if frames are painted at all.
  const shown = () => known.fcp !== null && lastEntry >= lastInput;
  const flush = async (leaving) => {
    const until = now() + FLUSH_LIMIT;
    await frame();
    await frame();
    await task();
    while (!(leaving && shown() || complete()) && now() < until) await sleep(FASTEST);
    lastInput = -1; // what is not reported by now was too fast for it
    tell("asked");
    return true;
  };

  // After the first input the browser looks for no larger element any more.
  const isAwaited = (image) => {
    if (image.complete) return false;
    const { top, left, bottom, right } = image.getBoundingClientRect();
    return bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
  };
  const isUnfinished = () => {
    if (document.readyState !== "complete") return true;
    const { images } = document;
    for (let i = 0; i < images.length; i++) if (isAwaited(images[i])) return true;
    return false;
  };
  for (const type of ["pointerdown", "keydown", "wheel"]) {
    addEventListener(type, (event) => {
      if (event.isTrusted) stopped ??= isUnfinished();
    }, { capture: true, passive: true });
  }
  for (const type of ["pointerdown", "pointerup", "click", "keydown", "keyup"]) {
    addEventListener(type, (event) => {
      if (event.isTrusted) lastInput = max(lastInput, event.timeStamp);
    }, { capture: true, passive: true });
  }
  addEventListener("beforeunload", () => tell("left"), { capture: true });
  addEventListener("pagehide", () => tell("left"), { capture: true });
  define(window, "__prober_flush", { value: flush });
  tell("begun");
})();
