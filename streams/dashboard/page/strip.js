// Draws a lead as a sweeping strip at true speed: 25 mm/s and a gain in mm/mV, with an erase bar and beat marks.
//
// A strip is a row of canvases: the browser brings only those to the screen on which something was drawn. All strips are
// swept at the same place, that of the time of their samples, so that what changes in a frame is one column of the page.

import { MARK_PX, markOf } from "./beat-mark.js";
import { figures } from "./figures.js";
import { mmPx, onScale, SPEED_MM_S } from "./screen.js";
import { onColours } from "./theme.js";

const GAINS_MM_MV = [20, 10, 5, 2.5];
const PANE_PX = 192;
const ERASE_PX = 16;
const OVERLAP_PX = 2; // so far a canvas is drawn beyond its edges, for the width of the line
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
    this.width = 0; // until it is observed for the first time
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(root);
    this.undo = [onScale(() => this.redraw()), onColours(() => this.recolour())];
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
    Object.assign(context, { lineWidth: 1.5, lineJoin: "round" });
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
    for (const { context } of this.panes) context.strokeStyle = this.colours.trace;
    this.redraw();
  }

  speed() {
    return SPEED_MM_S * mmPx();
  }

  // Number of the first sample that is still on the screen.
  start() {
    return this.drawn - ((this.width - ERASE_PX) / this.speed()) * this.signal.rateHz;
  }

  // How far the sweep has come at a sample since time 0, px.
  way(sample) {
    return (this.signal.startMs / 1000 + sample / this.signal.rateHz) * this.speed();
  }

  x(sample) {
    return this.way(sample) % this.width;
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
    const first = Math.max(from - 1, this.signal.oldest());
    const perPx = this.signal.rateHz / this.speed(), { width } = this;
    const last = Math.floor(this.way(until - 1) / width);
    for (let sweep = Math.floor(this.way(first) / width); sweep <= last; sweep += 1) {
      const zero = this.way(0) - sweep * width; // where sample 0 would lie
      for (const { context, left, right } of this.panes) {
        const begin = Math.max(first, Math.ceil((left - OVERLAP_PX - zero) * perPx));
        const end = Math.min(until, Math.floor((right + OVERLAP_PX - zero) * perPx));
        if (begin < end) this.stroke(context, begin, end, zero, 1 / perPx);
      }
    }
  }

  // Stroke the samples from `begin` to before `end` on one canvas.
  stroke(context, begin, end, zero, step) {
    const base = this.top + (this.height - this.top) * this.base, mm = this.gain * mmPx(), lowest = this.height - 1;
    let pen = false;
    context.beginPath();
    for (let n = begin; n < end; n += 1) {
      const mv = this.signal.at(n), y = Math.min(Math.max(base - mv * mm, this.top), lowest);
      const known = !Number.isNaN(mv);
      if (known && pen) context.lineTo(zero + n * step, y);
      else if (known) context.moveTo(zero + n * step, y);
      pen = known;
    }
    context.stroke();
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
    const x = Math.round(this.x(sample)), colour = this.colours[label] || this.colours.Q;
    this.over(x - 6, x + 6, (context) => {
      context.clearRect(x - 6, 0, 12, MARKS_PX - 1);
      context.drawImage(markOf(label, colour), x - MARK_PX / 2, 0, MARK_PX, MARK_PX);
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
