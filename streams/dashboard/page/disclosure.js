// Full disclosure: a line a minute, scrolling back through the recording; a place in it opens at true speed.

import { clock } from "./clock.js";
import { element, setText } from "./element.js";
import { Paper, trace } from "./paper.js";
import { read } from "./records.js";
import { onColours } from "./theme.js";

const ROW_PX = 46, MINUTE_MS = 60_000, KEPT_MINUTES = 90, REFRESH_MS = 5000, TIME_PX = 52, PX_MV = 14, ZOOM_MS = 10_000, STEP_MS = 5000;
const HOUR_AND_MINUTE = { hour: "2-digit", minute: "2-digit" };

export class Disclosure {
  constructor(stream, leads) {
    this.stream = stream;
    this.minutes = new Map(); // number of the minute -> its pieces
    this.rows = new Map();
    this.lead = element("select", { "aria-label": "lead" });
    for (const lead of leads) this.lead.append(element("option", {}, lead));
    this.lead.addEventListener("change", () => { this.minutes.clear(); this.fill(); });
    this.inner = element("div", { class: "inner" });
    this.scroller = element("div", { class: "scroller", tabindex: "0", role: "group", "aria-label": "recording, a line a minute" }, this.inner);
    this.scroller.addEventListener("scroll", () => this.fill());
    this.span = element("span", { class: "reading" });
    this.zoom = element("div", { class: "zoom", hidden: "" });
    this.root = element("section", { class: "panel disclosure", "aria-label": "Full disclosure" },
      element("header", {}, element("h3", {}, "Full disclosure"), this.span, this.lead), this.scroller, this.zoom);
    this.timer = setInterval(() => this.refresh(), REFRESH_MS);
    this.observer = new ResizeObserver(() => this.fill(true));
    this.observer.observe(this.scroller);
    this.undo = onColours(() => this.fill(true));
    this.refresh();
  }

  close() {
    clearInterval(this.timer);
    this.observer.disconnect();
    this.undo();
  }

  query(from, to, lead) {
    const of = new URLSearchParams({ stream: this.stream, from, to, ...(lead ? { lead } : {}) });
    return fetch(`api/recording?${of}`).then((answer) => (answer.ok ? answer.arrayBuffer() : null), () => null);
  }

  async refresh() {
    const answer = await fetch(`api/span?stream=${encodeURIComponent(this.stream)}`).catch(() => null);
    const span = answer?.ok ? await answer.json() : null;
    if (!span) return setText(this.span, "nothing recorded yet");
    const atEnd = this.scroller.scrollTop + this.scroller.clientHeight > this.inner.clientHeight - ROW_PX;
    const first = Math.floor(span[0] / MINUTE_MS);
    if (first !== this.first && this.first !== undefined) this.scroller.scrollTop -= (first - this.first) * ROW_PX;
    Object.assign(this, { first, last: Math.floor(span[1] / MINUTE_MS), startMs: span[0], endMs: span[1] });
    this.minutes.delete(this.last);
    this.minutes.delete(this.last - 1);
    setText(this.span, `${clock(span[0])} to ${clock(span[1])}`);
    this.inner.style.height = `${(this.last - this.first + 1) * ROW_PX}px`;
    if (atEnd) this.scroller.scrollTop = this.inner.clientHeight;
    this.fill();
  }

  // Make, load and draw the lines that are seen; take away the others.
  fill(again = false) {
    if (this.first === undefined || !this.scroller.clientHeight) return;
    const from = this.first + Math.floor(this.scroller.scrollTop / ROW_PX);
    const to = Math.min(this.last, from + Math.ceil(this.scroller.clientHeight / ROW_PX));
    for (const [minute, row] of this.rows) {
      if (minute >= from && minute <= to && !again) continue;
      row.root.remove();
      this.rows.delete(minute);
    }
    for (let minute = from; minute <= to; minute += 1) this.show(minute);
  }

  show(minute) {
    if (!this.rows.has(minute)) this.rows.set(minute, this.row(minute));
    const row = this.rows.get(minute);
    row.root.style.top = `${(minute - this.first) * ROW_PX}px`;
    const pieces = this.minutes.get(minute);
    if (pieces) {
      if (row.drawn !== pieces) this.draw(row, minute, pieces);
    } else if (!row.loading) {
      row.loading = true;
      this.load(minute).finally(() => { row.loading = false; });
    }
  }

  async load(minute) {
    const lead = this.lead.value, buffer = await this.query(minute * MINUTE_MS, (minute + 1) * MINUTE_MS, lead);
    if (!buffer || lead !== this.lead.value) return;
    const pieces = [];
    read(buffer, { piece: (_, piece) => pieces.push(piece) });
    this.minutes.set(minute, pieces);
    if (this.minutes.size > KEPT_MINUTES) this.minutes.delete(this.minutes.keys().next().value);
    if (this.rows.has(minute)) this.draw(this.rows.get(minute), minute, pieces);
  }

  row(minute) {
    const time = clock(minute * MINUTE_MS, HOUR_AND_MINUTE), canvas = element("canvas");
    const root = element("button", { type: "button", class: "minute", "aria-label": `open the recording at ${time}` },
      element("span", { title: time }, time.slice(-5)), canvas);
    root.addEventListener("click", (event) => {
      const share = event.detail ? event.offsetX / canvas.clientWidth : 0;
      this.open(minute * MINUTE_MS + (event.target === canvas ? share * MINUTE_MS : 0));
    });
    this.inner.append(root);
    return { root, canvas, drawn: null, loading: false };
  }

  draw(row, minute, pieces) {
    row.drawn = pieces;
    const { canvas } = row, scale = devicePixelRatio || 1, width = this.scroller.clientWidth - TIME_PX;
    Object.assign(canvas, { width: width * scale, height: ROW_PX * scale });
    const context = canvas.getContext("2d"), style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    context.scale(scale, scale);
    context.strokeStyle = colour("trace");
    context.lineWidth = 0.8;
    const x = (ms) => ((ms - minute * MINUTE_MS) / MINUTE_MS) * width;
    for (const { start_ms: start, rate_hz: rateHz, samplesUv, leads, marks } of pieces) {
      trace(context, samplesUv, 0, leads.length, (sample) => x(start + (sample / rateHz) * 1000),
        (mv) => Math.min(Math.max(ROW_PX * 0.6 - mv * PX_MV, 1), ROW_PX - 1));
      context.font = "700 10px system-ui, sans-serif";
      context.textAlign = "center";
      for (const [at, label] of marks) {
        context.fillStyle = colour(`beat-${label.toLowerCase()}`);
        context.fillText(label, x(at), 9);
      }
    }
  }

  // Show ten seconds about a time, all leads, at true speed.
  async open(atMs) {
    const from = Math.round(Math.max(Math.min(atMs - ZOOM_MS / 2, this.endMs - ZOOM_MS), this.startMs));
    const buffer = await this.query(from, from + ZOOM_MS);
    if (!buffer) return;
    const button = (words, does) => {
      const made = element("button", { type: "button" }, words);
      made.addEventListener("click", does);
      return made;
    };
    const papers = [];
    read(buffer, { piece: (_, piece) => {
      const paper = new Paper(`recording at ${clock(piece.start_ms)}`);
      papers.push([paper, { ...piece, beats: piece.marks.map(([ms, label]) => [((ms - piece.start_ms) * piece.rate_hz) / 1000, label]) }]);
    } });
    this.zoom.hidden = false;
    this.zoom.replaceChildren(element("header", {}, element("h3", {}, clock(from)),
      element("span", { class: "reading" }, "25 mm/s, 10 mm/mV"), button("◀ 5 s", () => this.open(from + ZOOM_MS / 2 - STEP_MS)),
      button("5 s ▶", () => this.open(from + ZOOM_MS / 2 + STEP_MS)), button("Close", () => { this.zoom.hidden = true; })),
    ...(papers.length ? papers.map(([paper]) => paper.root) : [element("p", { class: "notice" }, "Nothing was recorded here.")]));
    for (const [paper, piece] of papers) paper.show(piece);
  }
}
