// Hours of a bed: heart rate and the ST level of each lead as lines, ventricular beats a minute as bars, the begin of
// alarms as marks.

import { clock } from "./clock.js";
import { element, setText } from "./element.js";
import { onColours } from "./theme.js";

const HOURS = [1, 4, 12, 24], REFRESH_MS = 10_000, LEFT_PX = 34, FOOT_PX = 18, PVC_SHARE = 0.24, ST_SHARE = 0.26, GAP_PX = 8, LEAST_ST_MV = 0.2;
const LEAST_SPAN_MS = 600_000;

// {"II": 0.12} -> "ST  II +0.12 mV"; nothing where no level is known.
export function stWords(levels) {
  const known = Object.entries(levels).filter(([, mv]) => mv !== null && mv !== undefined);
  if (!known.length) return "";
  return `ST  ${known.map(([lead, mv]) => `${lead} ${mv <= -0.005 ? "−" : "+"}${Math.abs(mv).toFixed(2)}`).join("  ")} mV`;
}

export class Trend {
  constructor(stream, alarms) {
    this.stream = stream;
    this.alarms = alarms;
    this.hours = 4;
    this.canvas = element("canvas", { role: "img", "aria-label": "trends" });
    this.reading = element("span", { class: "reading", role: "status" });
    const choice = element("select", { "aria-label": "how many hours" });
    for (const hours of HOURS) choice.append(element("option", { value: hours }, `${hours} h`));
    choice.value = this.hours;
    choice.addEventListener("change", () => { this.hours = Number(choice.value); this.load(); });
    this.root = element("section", { class: "panel trend", "aria-label": "Trends" },
      element("header", {}, element("h3", {}, "Trends"), this.reading, choice), this.canvas);
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => setText(this.reading, this.latest()));
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.canvas);
    this.timer = setInterval(() => this.load(), REFRESH_MS);
    this.undo = onColours(() => this.draw());
    this.load();
  }

  close() {
    clearInterval(this.timer);
    this.observer.disconnect();
    this.undo();
  }

  async load() {
    const from = Date.now() - this.hours * 3_600_000;
    const answer = await fetch(`api/trends?stream=${encodeURIComponent(this.stream)}&from=${from}`).catch(() => null);
    if (!answer?.ok) return;
    this.trend = await answer.json();
    setText(this.reading, this.latest());
    this.draw();
  }

  latest() {
    return this.trend ? this.words(this.trend.heart_rate_bpm.length - 1) : "nothing yet";
  }

  words(n) {
    const { start_ms: start, step_s: step, heart_rate_bpm: rates, pvc_per_minute: beats, st_mv: st } = this.trend;
    const levels = Object.fromEntries(Object.entries(st).map(([lead, values]) => [lead, values[n]]));
    const time = clock(start + n * step * 1000, { hour: "2-digit", minute: "2-digit" });
    return `${time}   HR ${rates[n] ?? "–"} bpm   PVC ${beats[n] ?? "–"}/min   ${stWords(levels)}`;
  }

  point(event) {
    if (!this.trend) return;
    const { start_ms: start, step_s: step, heart_rate_bpm: rates } = this.trend;
    const n = Math.floor((this.time(event.offsetX) - start) / (step * 1000));
    if (n >= 0 && n < rates.length) setText(this.reading, this.words(n));
  }

  // From x to the time there, and back.
  time(x) {
    return this.fromMs + ((x - LEFT_PX) / (this.width - LEFT_PX)) * this.spanMs;
  }

  x(ms) {
    return LEFT_PX + ((ms - this.fromMs) / this.spanMs) * (this.width - LEFT_PX);
  }

  draw() {
    const scale = devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !this.trend) return;
    Object.assign(this.canvas, { width: width * scale, height: height * scale });
    const context = this.canvas.getContext("2d"), style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    context.scale(scale, scale);
    context.font = "11px system-ui, sans-serif";
    this.width = width;
    const { start_ms: start, step_s: step, heart_rate_bpm: rates, pvc_per_minute: beats, st_mv: st } = this.trend;
    const endMs = start + rates.length * step * 1000;
    this.spanMs = Math.min(Math.max(endMs - start, LEAST_SPAN_MS), this.hours * 3_600_000);
    this.fromMs = endMs - this.spanMs;
    const known = rates.filter((rate) => rate !== null);
    const low = Math.floor(Math.min(50, ...known) / 10) * 10, high = Math.ceil(Math.max(110, ...known) / 10) * 10;
    const foot = height - FOOT_PX, split = foot * (1 - PVC_SHARE - ST_SHARE) - GAP_PX;
    const stFoot = foot * (1 - PVC_SHARE) - GAP_PX;
    const y = (rate) => 6 + ((high - rate) / (high - low)) * (split - 6);
    this.axes(context, colour, { low, high, y, foot, split, stFoot });
    for (const alarm of this.alarms()) {
      if (alarm.written_ms < this.fromMs) continue;
      context.fillStyle = colour(alarm.priority);
      context.fillRect(this.x(alarm.written_ms) - 1, 0, 2, split);
    }
    context.strokeStyle = colour("number");
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    this.line(context, rates, y);
    const levels = Object.values(st).flat().map((mv) => Math.abs(mv ?? 0));
    const highest = Math.max(LEAST_ST_MV, ...levels), middle = (split + GAP_PX + stFoot) / 2;
    context.fillStyle = colour("muted");
    context.textAlign = "right";
    context.fillText(`+${highest.toFixed(1)}`, LEFT_PX - 5, split + GAP_PX + 9);
    context.fillText(`−${highest.toFixed(1)}`, LEFT_PX - 5, stFoot);
    context.strokeStyle = colour("trace");
    context.lineWidth = 1.1;
    for (const values of Object.values(st)) {
      this.line(context, values, (mv) => middle - (mv / highest) * ((stFoot - split - GAP_PX) / 2));
    }
    const most = Math.max(10, ...beats);
    const wide = Math.max(1, this.x(step * 1000) - this.x(0));
    context.fillStyle = colour("beat-v");
    beats.forEach((count, n) => {
      const tall = ((count ?? 0) / most) * (foot - stFoot - GAP_PX);
      if (count) context.fillRect(this.x(start + n * step * 1000), foot - tall, wide, tall);
    });
    const range = known.length ? `${Math.round(Math.min(...known))} to ${Math.round(Math.max(...known))}` : "unknown";
    this.canvas.setAttribute("aria-label", `trends of ${this.hours} h: heart rate ${range} beats a minute, up to ${Math.max(0, ...beats)} ventricular beats a minute`);
  }

  // A line through the values that are known, one a step.
  line(context, values, y) {
    const { start_ms: start, step_s: step } = this.trend;
    let pen = false;
    context.beginPath();
    values.forEach((value, n) => {
      if (value === null) { pen = false; return; }
      const x = this.x(start + (n + 0.5) * step * 1000);
      if (pen) context.lineTo(x, y(value));
      else context.moveTo(x, y(value));
      context.lineTo(x + 0.5, y(value));
      pen = true;
    });
    context.stroke();
  }

  axes(context, colour, { low, high, y, foot, split, stFoot }) {
    context.fillStyle = colour("muted");
    context.strokeStyle = colour("line");
    context.textAlign = "right";
    context.beginPath();
    const every = high - low > 100 ? 50 : 20;
    for (let rate = Math.ceil(low / every) * every; rate <= high; rate += every) {
      context.fillText(rate, LEFT_PX - 5, y(rate) + 4);
      context.moveTo(LEFT_PX, y(rate));
      context.lineTo(this.width, y(rate));
    }
    context.moveTo(LEFT_PX, foot);
    context.lineTo(this.width, foot);
    const middle = (split + GAP_PX + stFoot) / 2;
    context.moveTo(LEFT_PX, middle);
    context.lineTo(this.width, middle);
    context.stroke();
    context.fillText("ST", LEFT_PX - 5, middle + 4);
    context.fillText("PVC", LEFT_PX - 5, (stFoot + foot) / 2 + 8);
    context.textAlign = "center";
    const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 240].find((step) => this.spanMs / (step * 60_000) <= 8) ?? 240;
    for (let at = Math.ceil(this.fromMs / (minutes * 60_000)) * minutes * 60_000; at < this.fromMs + this.spanMs; at += minutes * 60_000) {
      const x = this.x(at);
      if (x < LEFT_PX + 16 || x > this.width - 16) continue;
      context.fillText(new Date(at).toLocaleTimeString([], { hour12: false, hour: "2-digit", minute: "2-digit" }), x, foot + 14);
    }
  }
}
