// The engineer's view: every stream with its account, latencies of each stage, models, and the log of events.

import { clock } from "./clock.js";
import { element } from "./element.js";
import { Chart } from "./engine-chart.js";
import { Streams } from "./engine-streams.js";

const POLL_MS = 1000;
const OF_MODELS = /model|swap|shadow/, COMPARING_MS = 10_000;
const STAGES = {
  pacing: "the source, behind its time", transport: "from the source to the worker", queue: "waiting in the worker",
  conditioning: "making the signal fit the network", inference: "the network", decision: "from its output to the finding",
  publishing: "until it left the worker", delivery: "until it was here", "end to end": "from the intended time to here",
};

export class EngineView {
  constructor() {
    this.streams = new Streams();
    this.charts = new Map();
    this.stages = element("div", { class: "stages" });
    this.models = element("tbody");
    this.changes = element("ol");
    this.events = element("ol", { tabindex: "0", "aria-label": "events, newest first" });
    this.kinds = element("select", { "aria-label": "kind of events shown" }, element("option", { value: "" }, "all events"));
    this.kinds.addEventListener("change", () => this.log(this.document.events));
    const head = (...names) => element("thead", {}, element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name))));
    const panel = (name, title, ...parts) => element("section", { class: `panel ${name}`, "aria-label": title },
      element("h2", {}, title), ...parts);
    this.noStages = element("p", { class: "none" }, "no finding within the last minute");
    this.root = element("div", { class: "engine-view" },
      element("h2", { class: "unseen" }, "Engine"), this.streams.root,
      panel("latency", "Latency of each stage, last minute", element("p", { class: "hint" },
        "Share of findings by time, 0.01 ms to 10 s on a logarithmic scale; lines mark the median and the 99th percentile."),
      this.noStages, this.stages),
      panel("models", "Models and where they run", element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "table of models" },
        element("table", {}, head("process", "model", "runs on"), this.models)),
      element("p", { class: "hint" }, "As each process said when it was ready; what was swapped since stands below."),
      element("h3", {}, "Swaps and shadow comparisons"), this.changes),
      element("section", { class: "panel events", "aria-label": "Log" },
        element("header", {}, element("h2", {}, "Log"), this.kinds), this.events));
  }

  open() {
    this.opened = true;
    this.poll();
  }

  close() {
    this.opened = false;
    clearTimeout(this.timer);
  }

  status(status) {
    this.streams.show(status);
  }

  async poll() {
    clearTimeout(this.timer);
    try {
      const answer = document.hidden ? null : await fetch("api/engine");
      if (answer?.ok) this.show(await answer.json());
    } catch {
      // The connection tells that the server is away; this goes on when it is back.
    }
    if (this.opened) this.timer = setTimeout(() => this.poll(), POLL_MS);
  }

  show(found) {
    this.document = found;
    this.noStages.hidden = Object.keys(found.stages).length > 0;
    for (const [kind, stages] of Object.entries(found.stages)) this.latencies(kind, stages, found.edges_ms);
    this.notes(found.notes);
    this.told(this.changes, [...found.shadows.map(compared), ...found.events.filter((event) => OF_MODELS.test(event.kind))],
      "none in this run");
    const kinds = [...new Set(found.events.map((event) => event.kind))].sort();
    if (kinds.join() !== this.known) {
      this.known = kinds.join();
      const chosen = this.kinds.value;
      this.kinds.replaceChildren(element("option", { value: "" }, "all events"),
        ...kinds.map((kind) => element("option", { value: kind }, kind)));
      this.kinds.value = kinds.includes(chosen) ? chosen : "";
    }
    this.log(found.events);
  }

  latencies(kind, stages, edgesMs) {
    if (!this.charts.has(kind)) {
      const row = element("div", { class: "charts" });
      this.stages.append(element("h3", {}, kind), row);
      this.charts.set(kind, { row, of: new Map() });
    }
    const { row, of } = this.charts.get(kind);
    for (const stage of stages.filter(({ stage: name }) => STAGES[name])) {
      if (!of.has(stage.stage)) {
        of.set(stage.stage, new Chart(`${kind}, ${stage.stage}`, stage.stage, STAGES[stage.stage]));
        row.append(of.get(stage.stage).root);
      }
      of.get(stage.stage).show(stage, edgesMs);
    }
  }

  // "model NAME: runs on PLACE: why" and other lines of a process when it was ready.
  notes(notes) {
    const key = JSON.stringify(notes);
    if (key === this.noted) return;
    this.noted = key;
    const rows = Object.entries(notes).flatMap(([process, lines]) => lines.map((line) => {
      const [, model, where] = /^model (.+?): runs on (.*)$/.exec(line) ?? [null, "", line];
      return element("tr", {}, element("th", { scope: "row" }, process), element("td", {}, model || "–"), element("td", {}, where));
    }));
    this.models.replaceChildren(...(rows.length ? rows : [element("tr", {}, element("td", { colspan: "3" }, "nothing told yet"))]));
  }

  log(events) {
    const kind = this.kinds.value;
    this.told(this.events, events.filter((event) => !kind || event.kind === kind), "none yet");
  }

  // Lines are made anew only where an event came: the page stays still under a reader's eyes.
  told(list, events, none) {
    const key = events.map((event) => `${event.stream}${event.kind}${event.words}`).join("\n");
    if (list.key === key) return;
    list.key = key;
    const now = Date.now();
    list.replaceChildren(...events.map((event) => element("li", {},
      element("time", {}, clock(now - event.ago_s * 1000)), element("span", { class: "kind" }, event.kind),
      element("span", { class: "of" }, event.stream), element("span", { class: "words" }, event.words))));
    if (!events.length) list.append(element("li", {}, none));
  }
}

// A comparison as an event of its last word.
function compared({ at_ms: atMs, stream, setting, running, candidate, items, dropped, counts, latency }) {
  const words = Object.entries(counts).map(([kind, n]) =>
    `${kind}: ${n.agree} agree, ${n.differ} differ, ${n.only_running} only at work, ${n.only_candidate} only candidate`);
  const took = Object.entries(latency).map(([side, { p50_ms: p50, p99_ms: p99 }]) => `${side} ${p50.toFixed(1)} / ${p99?.toFixed(1) ?? "-"} ms p50 / p99`);
  const agoMs = Date.now() - atMs;
  return { ago_s: agoMs / 1000, stream, kind: agoMs < COMPARING_MS ? "comparing" : "compared", words: [
    `${setting}: ${candidate} beside ${running}`, ...words, ...took, `${items} items, ${dropped} dropped`].join("; ") };
}
