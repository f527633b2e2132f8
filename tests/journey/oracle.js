// Lets the collector and the web-vitals library see the same made up performance
// entries, and says what each makes of them. A scene is a line of JSON on stdin, its
// two readings a line on stdout.
"use strict";
const fs = require("node:fs");
const readline = require("node:readline");
const vm = require("node:vm");

const [collector, library] = process.argv.slice(2).map((file) => fs.readFileSync(file, "utf8"));
const TYPES = [
  "largest-contentful-paint", "layout-shift", "event", "first-input", "paint", "longtask",
  "long-animation-frame", "resource",
];
const settled = () => new Promise(setImmediate);

// A window with nothing in it but what measuring needs.
class World {
  constructor(scene) {
    this.past = [];
    this.observers = [];
    this.listeners = [];
    this.jobs = [];
    const world = this;
    const navigation = {
      entryType: "navigation", name: "https://shop.example/", type: "navigate",
      responseStart: scene.ttfb, activationStart: scene.activation, loadEventEnd: 1,
    };
    class PerformanceObserver {
      static supportedEntryTypes = TYPES;
      constructor(take) { Object.assign(this, { take, options: [], buffer: [] }); }
      observe(options) {
        if (this.options.length === 0) world.observers.push(this);
        this.options.push(options);
        this.add(world.past, [options]);
      }
      add(entries, options = this.options) {
        this.buffer.push(...entries.filter((entry) => options.some((one) =>
          one.type === entry.entryType
            && (entry.entryType !== "event" || entry.duration >= one.durationThreshold))));
      }
      takeRecords() { return this.buffer.splice(0); }
      disconnect() { world.observers.splice(world.observers.indexOf(this), 1); }
    }
    class PerformanceEventTiming { get interactionId() { return 0; } }
    this.window = vm.createContext({
      PerformanceObserver, PerformanceEventTiming,
      Element: class { getAttribute() { return null; } },
      MessageChannel: class {},
      performance: {
        timeOrigin: 0, interactionCount: 0, now: () => 1e9,
        getEntriesByType: (type) => (type === "navigation" ? [navigation] : []),
      },
      document: { visibilityState: "visible", prerendering: false, readyState: "complete" },
      location: { protocol: "https:", href: "https://shop.example/" },
      setTimeout: (job) => this.jobs.push(job), clearTimeout: () => {},
      requestIdleCallback: (job) => this.jobs.push(job), cancelIdleCallback: () => {},
      requestAnimationFrame: (job) => this.jobs.push(job), queueMicrotask,
      addEventListener: (type, heard) => this.listeners.push([type, heard]),
      removeEventListener: (type, heard) => {
        this.listeners = this.listeners.filter((one) => one[0] !== type || one[1] !== heard);
      },
    });
    this.window.window = this.window.top = this.window.self = this.window;
  }

  async settle() {
    do {
      await settled();
      for (const observer of [...this.observers]) {
        const entries = observer.takeRecords();
        if (entries.length) observer.take({ getEntries: () => entries });
      }
      await settled();
      for (const job of this.jobs.splice(0)) job();
    } while (this.jobs.length || this.observers.some((one) => one.buffer.length));
  }

  dispatch(type, timeStamp) {
    for (const [other, heard] of [...this.listeners]) {
      if (other === type) heard({ type, timeStamp, isTrusted: true });
    }
  }

  async play(acts) {
    await this.settle();
    for (const act of acts) {
      if (act.interactions) {
        this.window.performance.interactionCount += act.interactions;
      } else if (act.hidden) {
        this.hide(act.hidden);
      } else {
        this.past.push(act);
        for (const observer of this.observers) observer.add([act]);
      }
      await this.settle();
    }
  }

  hide(at) {
    this.window.document.visibilityState = "hidden";
    this.dispatch("visibilitychange", at);
  }
}

async function ours(scene) {
  const world = new World(scene);
  let told = null;
  world.window.__prober_tell = async (text) => { told = JSON.parse(text); };
  vm.runInContext(collector, world.window);
  await world.play(scene.acts);
  world.dispatch("pagehide");
  return told;
}

async function theirs(scene) {
  const world = new World(scene);
  const said = { lcp: null, cls: null, fcp: null, ttfb: null, inp: null };
  vm.runInContext(library, world.window);
  const { webVitals } = world.window;
  for (const name of ["LCP", "CLS", "FCP", "TTFB", "INP"]) {
    const note = ({ value }) => { said[name.toLowerCase()] = value; };
    webVitals[`on${name}`](note, { reportAllChanges: true, durationThreshold: 16 });
  }
  await world.play(scene.acts);
  world.hide(Number.MAX_VALUE); // it has the last word on interactions only then
  await world.settle();
  return said;
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const scene = JSON.parse(line);
    console.log(JSON.stringify([await ours(scene), await theirs(scene)]));
  }
})();
