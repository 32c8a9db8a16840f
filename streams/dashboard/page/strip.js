// Draws a lead as a sweeping strip at true speed: 25 mm/s and a gain in mm/mV, with an erase bar and beat marks.
//
// A strip is a row of canvases: the browser brings only those to the screen on which something was drawn. All strips are
// swept at the same place, that of the time of their samples, so that what changes in a frame is one column of the page.

import { figures } from "./figures.js";
import { mmPx, onScale, SPEED_MM_S } from "./screen.js";
import { onColours } from "./theme.js";

const GAINS_MM_MV = [20, 10, 5, 2.5];
const PANE_PX = 192;
const ERASE_PX = 16;
const MARKS_PX = 16; // the beat marks stand above the trace, the label below it
const BASE = 0.62; // where the zero line lies before the wave is known, from the top

export class Strip {
  // `root` is the element that the strip fills.
  constructor(root, signal, { marks = true } = {}) {
    this.root = root;
    this.signal = signal;
    this.panes = [];
    this.top = marks ? MARKS_PX : 4;
    this.withMarks = marks;
    this.gain = 10;
    this.base = BASE;
    this.drawn = 0;
    this.era = -1;
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(root);
    this.undo = [onScale(() => this.redraw()), onColours(() => this.recolour())];
    this.resize();
  }

  close() {
    this.observer.disconnect();
    for (const undo of this.undo) undo();
  }

  resize() {
    const scale = window.devicePixelRatio || 1;
    this.width = this.root.clientWidth;
    this.height = this.root.clientHeight;
    this.panes = Array.from({ length: Math.ceil(this.width / PANE_PX) }, (_, n) => this.pane(n * PANE_PX, scale));
    this.root.replaceChildren(...this.panes.map(({ canvas }) => canvas));
    this.recolour();
  }

  // A canvas from `left` on, on which is drawn in the coordinates of the whole strip.
  pane(left, scale) {
    const canvas = document.createElement("canvas"), right = Math.min(left + PANE_PX, this.width);
    canvas.width = Math.max(1, Math.round((right - left) * scale));
    canvas.height = Math.max(1, Math.round(this.height * scale));
    Object.assign(canvas.style, { left: `${left}px`, width: `${right - left}px` });
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, -left * scale, 0);
    return { canvas, context, left, right };
  }

  // Call `paint` with the context of each canvas between two places.
  over(left, right, paint) {
    for (const pane of this.panes) if (pane.left < right && pane.right > left) paint(pane.context);
  }

  recolour() {
    const style = getComputedStyle(this.root);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.colours = { trace: colour("trace"), N: colour("beat-n"), S: colour("beat-s"), V: colour("beat-v"),
      F: colour("beat-f"), Q: colour("beat-q") };
    this.redraw();
  }

  speed() {
    return SPEED_MM_S * mmPx();
  }

  // Number of the first sample that is still on the screen.
  start() {
    return this.drawn - ((this.width - ERASE_PX) / this.speed()) * this.signal.rateHz;
  }

  x(sample) {
    return ((this.signal.startMs / 1000 + sample / this.signal.rateHz) * this.speed()) % this.width;
  }

  y(mv) {
    const base = this.top + (this.height - this.top) * this.base;
    return Math.min(Math.max(base - mv * this.gain * mmPx(), this.top), this.height - 1);
  }

  redraw() {
    if (!this.signal.rateHz || this.era !== this.signal.era) return;
    this.erase(0, this.width);
    this.trace(Math.max(this.signal.oldest(), Math.ceil(this.start())), this.drawn);
    this.mark(this.start(), this.drawn);
  }

  // Draw what has become due.
  draw(nowMs) {
    const { signal } = this;
    if (!signal.rateHz || !this.width) return;
    const behind = ((signal.endMs - (nowMs - signal.delayMs)) * signal.rateHz) / 1000;
    const until = Math.floor(signal.end - Math.max(behind, 0));
    if (this.era !== signal.era) {
      this.era = signal.era;
      this.drawn = until;
      this.chooseGain();
      return void this.redraw();
    }
    const from = this.drawn;
    if (until <= from) return;
    this.drawn = until;
    const jumped = until - from > (this.width / this.speed()) * signal.rateHz;
    if ((jumped || this.x(until) < this.x(from)) && (this.chooseGain() || jumped)) return void this.redraw();
    this.erase(this.x(from) + 1, ((until - from) / signal.rateHz) * this.speed() + ERASE_PX);
    this.trace(from, until);
    this.mark(from, until);
    if (this.withMarks) figures.drew(signal.broughtMs(until - 1));
  }

  erase(x, width) {
    this.over(x, x + width, (context) => context.clearRect(x, 0, width, this.height));
    if (x + width > this.width) this.erase(0, x + width - this.width);
  }

  trace(from, until) {
    const { signal } = this, path = new Path2D();
    let pen = false, lastX = 0, left = this.width, right = 0;
    for (let n = Math.max(from - 1, signal.oldest()); n < until; n += 1) {
      const mv = signal.at(n), x = this.x(n);
      if (Number.isNaN(mv)) { pen = false; continue; }
      if (pen && x >= lastX) path.lineTo(x, this.y(mv));
      else path.moveTo(x, this.y(mv));
      pen = true;
      lastX = x;
      left = Math.min(left, x);
      right = Math.max(right, x);
    }
    this.over(left - 1, right + 1, (context) => {
      context.strokeStyle = this.colours.trace;
      context.lineWidth = 1.5;
      context.lineJoin = "round";
      context.stroke(path);
    });
  }

  // Draw the marks of a stretch, and those that came for what had been drawn before.
  mark(from, until) {
    if (!this.withMarks) return;
    for (const mark of this.signal.marks) {
      if (mark.sample >= until || mark.sample <= this.start()) continue;
      if (mark.sample >= from || !mark.seen) this.letter(mark);
      mark.seen = true;
    }
  }

  letter({ sample, label }) {
    const x = this.x(sample);
    this.over(x - 6, x + 6, (context) => {
      context.clearRect(x - 6, 0, 12, MARKS_PX - 1);
      context.fillStyle = this.colours[label] || this.colours.Q;
      if (label === "N") return void context.fillRect(x - 0.75, 5, 1.5, 6);
      context.font = "700 12px system-ui, sans-serif";
      context.textAlign = "center";
      context.fillText(label, x, 12);
    });
  }

  // The largest gain at which the last seconds fit, and the zero line that centres them; true where either changed.
  chooseGain() {
    let highest = 0.1, lowest = -0.1;
    for (const mv of this.signal.samples) {
      if (mv > highest) highest = mv;
      else if (mv < lowest) lowest = mv;
    }
    const room = (this.height - this.top) / mmPx();
    const gain = GAINS_MM_MV.find((mm) => (highest - lowest) * mm <= (mm > 10 ? 0.7 : 1) * room) ?? GAINS_MM_MV.at(-1);
    const base = 0.5 + (gain * (highest + lowest)) / (2 * room);
    const changed = gain !== this.gain || Math.abs(base - this.base) > 0.08;
    if (changed) Object.assign(this, { gain, base: Math.min(Math.max(base, 0.1), 0.9) });
    return changed;
  }
}
