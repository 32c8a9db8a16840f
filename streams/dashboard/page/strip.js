// Draws a lead as a sweeping strip at true speed: 25 mm/s and a gain in mm/mV, with an erase bar and beat marks.

import { MARK_PX, markOf } from "./beat-mark.js";
import { figures } from "./figures.js";
import { mmPx, SPEED_MM_S } from "./screen.js";

const GAINS_MM_MV = [20, 10, 5, 2.5];
const ERASE_PX = 16;
const OVERLAP_PX = 2; // so far a canvas is drawn beyond its edges, for the width of the line
const MARKS_PX = 16; // the beat marks stand above the trace, the label below it
const FINE_PX = { x: 1, y: 0.3 }; // what moves the line by less than this is left out: points cost
const BASE = 0.62; // where the zero line lies before the wave is known, from the top

export class Strip {
  // `root` is the element that the strip fills; it is drawn on the canvases that `sheet` lays over it.
  constructor(root, signal, sheet, { marks = true } = {}) {
    this.root = root;
    this.signal = signal;
    this.sheet = sheet;
    this.panes = [];
    this.top = marks ? MARKS_PX : 4;
    this.withMarks = marks;
    this.gain = 10;
    this.base = BASE;
    this.drawn = 0;
    this.era = -1;
    this.width = 0; // until it is placed for the first time
    sheet.add(this);
  }

  // Take canvases; the strip begins at `y` of these.
  place(panes, y, width, height) {
    Object.assign(this, { panes, y, width, height });
    this.redraw();
  }

  // Give the context of a canvas, in the coordinates of this strip.
  on({ context, left, scale }) {
    context.setTransform(scale, 0, 0, scale, -left * scale, this.y * scale);
    return context;
  }

  // Call `paint` with the context of each canvas between two places.
  over(left, right, paint) {
    for (const pane of this.panes) if (pane.left < right && pane.right > left) paint(this.on(pane));
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
      for (const pane of this.panes) {
        const begin = Math.max(first, Math.ceil((pane.left - OVERLAP_PX - zero) * perPx));
        const end = Math.min(until, Math.floor((pane.right + OVERLAP_PX - zero) * perPx));
        if (begin < end) this.stroke(this.on(pane), begin, end, zero, 1 / perPx);
      }
    }
  }

  // Stroke the samples from `begin` to before `end` on one canvas.
  stroke(context, begin, end, zero, step) {
    const base = this.top + (this.height - this.top) * this.base, mm = this.gain * mmPx(), lowest = this.height - 1;
    let pen = false, atX = 0, atY = 0;
    context.strokeStyle = this.sheet.colours.trace;
    context.beginPath();
    for (let n = begin; n < end; n += 1) {
      const mv = this.signal.at(n), x = zero + n * step, y = Math.min(Math.max(base - mv * mm, this.top), lowest);
      const known = !Number.isNaN(mv);
      if (known && pen) {
        if (n < end - 1 && x - atX < FINE_PX.x && Math.abs(y - atY) < FINE_PX.y) continue;
        context.lineTo(x, y);
      } else if (known) context.moveTo(x, y);
      pen = known;
      atX = x;
      atY = y;
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
    const x = Math.round(this.x(sample)), { colours } = this.sheet;
    const colour = colours[`beat-${label.toLowerCase()}`] || colours["beat-q"];
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
