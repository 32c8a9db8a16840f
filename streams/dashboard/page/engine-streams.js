// The table of streams: state, rates, gaps, latency, ledger.

import { element, seconds, setData, setText } from "./element.js";

const COLUMNS = [
  ["stream", "id of the stream"], ["state", "live, silent, waiting or ended"], ["msg/s", "messages a second, measured"],
  ["rate Hz", "samples or frames a second, as declared"], ["gaps", "holes met since the start, and when the last came"],
  ["p50 ms", "latency of the last minute, intended time to arrival here"], ["p95 ms", "95 % were faster"],
  ["max ms", "slowest of the last minute"], ["offered", "samples or frames that the source gave"],
  ["processed", "processed"], ["dropped", "dropped, by cause"], ["missing", "lost and not to be had again"],
  ["in flight", "under way"], ["account", "offered = processed + dropped + missing + in flight"],
];
const ACCOUNT = COLUMNS.length - 1;

export class Streams {
  constructor() {
    this.body = element("tbody");
    this.rows = new Map();
    this.sum = element("p", { class: "sum", role: "status" });
    this.foot = element("p", { class: "foot" });
    const head = element("tr", {}, ...COLUMNS.map(([name, title]) => element("th", { scope: "col", title }, name)));
    const table = element("table", {}, element("thead", {}, head), this.body);
    this.root = element("section", { class: "panel streams", "aria-label": "Streams" },
      element("header", {}, element("h2", {}, "Streams"), this.sum),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "table of streams" }, table), this.foot);
  }

  show(status) {
    for (const stream of status.streams) this.row(stream);
    const refused = status.refused ? `, ${status.refused} malformed messages refused` : "";
    const away = Object.entries(status.turned_away).map(([cause, count]) => `, turned away ${count} × ${cause}`).join("");
    setText(this.foot, `heartwire ${status.version}, ${status.viewers} viewing${refused}${away}`);
    const live = status.streams.filter((stream) => stream.state === "live").length;
    const wrong = status.streams.filter((stream) => stream.ledger && !stream.ledger.balanced).length;
    setText(this.sum, `${live} of ${status.streams.length} live, ${wrong ? `${wrong} accounts do not balance` : "all accounts balance"}`);
    setData(this.sum, "wrong", String(wrong > 0));
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
      stream.messages_hz.toFixed(1), stream.rate_hz === null ? "–" : String(Math.round(stream.rate_hz * 10) / 10),
      stream.gaps ? `${stream.gaps}, ${seconds(stream.gap_s)} ago` : "0", ms(latency?.p50_ms), ms(latency?.p95_ms),
      ms(latency?.max_ms), count(ledger?.offered), count(ledger?.processed), ledger ? causes(ledger.dropped) : "–",
      count(ledger?.missing), count(ledger?.in_flight), ledger ? (ledger.balanced ? "✓ balances" : "✗ does not balance") : "–",
    ];
    values.forEach((value, n) => setText(cells[n], value));
    setData(cells[1], "state", stream.state);
    setData(cells[ACCOUNT], "balanced", ledger ? String(ledger.balanced) : "");
  }
}

function causes(dropped) {
  const parts = Object.entries(dropped).filter(([, count]) => count).map(([cause, count]) => `${count} ${cause}`);
  return parts.join(", ") || "0";
}
