// The engineer's view: rates, latency and ledger of each stream, and the last alarm events.

import { badge } from "./alarms.js";
import { element, placeOf, seconds, setData, setText } from "./element.js";

const COLUMNS = [
  ["stream", "id of the stream"], ["state", "live, silent, waiting or ended"], ["msg/s", "messages a second, measured"],
  ["p50 ms", "latency of the last minute, intended time to arrival here"], ["p95 ms", "95 % were faster"],
  ["max ms", "slowest of the last minute"], ["offered", "samples or frames that the source gave"],
  ["processed", "processed"], ["dropped", "dropped, by cause"], ["missing", "lost and not to be had again"],
  ["in flight", "under way"], ["account", "offered = processed + dropped + missing + in flight"],
];
const SHOWN_EVENTS = 40;

export class EngineView {
  constructor() {
    const streams = element("section", { class: "streams", "aria-label": "Streams" });
    const events = element("section", { class: "events", "aria-label": "Alarm events" });
    this.root = element("div", { class: "engine-view" }, streams, events);
    this.body = element("tbody");
    this.rows = new Map();
    this.events = element("ol", {});
    this.foot = element("p", { class: "foot" });
    const head = element("tr", {}, ...COLUMNS.map(([name, title]) => element("th", { scope: "col", title }, name)));
    const table = element("table", {}, element("thead", {}, head), this.body);
    streams.append(element("h2", {}, "Streams"), element("div", { class: "scroll", tabindex: "0" }, table), this.foot);
    events.append(element("h2", {}, "Alarm events"), this.events);
  }

  status(status) {
    for (const stream of status.streams) this.row(stream);
    const refused = status.refused ? `, ${status.refused} malformed messages refused` : "";
    setText(this.foot, `heartwire ${status.version}, ${status.viewers} viewing${refused}`);
    this.list(status.events.slice(0, SHOWN_EVENTS));
  }

  row(stream) {
    if (!this.rows.has(stream.id)) {
      const cells = COLUMNS.map((_, n) => element(n ? "td" : "th", n ? {} : { scope: "row" }));
      this.rows.set(stream.id, cells);
      this.body.append(element("tr", {}, ...cells));
    }
    const cells = this.rows.get(stream.id), { ledger, latency } = stream;
    const ms = (value) => (latency ? value.toFixed(1) : "–");
    const count = (value) => (ledger ? value.toLocaleString("en") : "–");
    const values = [
      stream.id, stream.state === "silent" ? `silent ${seconds(stream.silent_s)}` : stream.state,
      stream.messages_hz.toFixed(1), ms(latency?.p50_ms), ms(latency?.p95_ms), ms(latency?.max_ms),
      count(ledger?.offered), count(ledger?.processed), ledger ? causes(ledger.dropped) : "–", count(ledger?.missing),
      count(ledger?.in_flight), ledger ? (ledger.balanced ? "✓" : "✗ does not balance") : "–",
    ];
    values.forEach((value, n) => setText(cells[n], value));
    setData(cells[1], "state", stream.state);
    setData(cells[11], "balanced", ledger ? String(ledger.balanced) : "");
  }

  list(events) {
    const key = events.map((event) => `${event.stream} ${event.condition} ${event.change}`).join();
    if (key !== this.key) {
      this.key = key;
      this.ages = events.map(() => element("span", { class: "age" }));
      this.events.replaceChildren(...events.map((event, n) => element("li", {}, badge(event),
        element("span", {}, `${placeOf(event.stream)}  ${event.change}`),
        element("span", { class: "delay", title: "the signal that the decision needs + the engine's part" }, delay(event)),
        this.ages[n])));
      if (!events.length) this.events.replaceChildren(element("li", {}, "none yet"));
    }
    events.forEach((event, n) => setText(this.ages[n], `${seconds(event.since_s)} ago`));
  }
}

function causes(dropped) {
  const parts = Object.entries(dropped).filter(([, count]) => count).map(([cause, count]) => `${count} ${cause}`);
  return parts.join(", ") || "0";
}

function delay(event) {
  const parts = [];
  if (event.algorithmic_delay_s > 0) parts.push(`${event.algorithmic_delay_s.toFixed(1)} s`);
  if (event.system_delay_ms !== null) parts.push(`${event.system_delay_ms.toFixed(1)} ms`);
  return parts.join(" + ");
}
