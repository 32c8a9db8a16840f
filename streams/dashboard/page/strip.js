// One sweeping ECG strip at true speed: 25 mm/s and a gain in mm/mV, with an erase bar and beat marks.

const MM_PX = 96 / 25.4;
const SPEED_PX_S = 25 * MM_PX;
const GAINS_MM_MV = [20, 10, 5, 2.5];
const KEEP_S = 32;
const ERASE_PX = 16;
const LABEL_PX = 14;
const MARKS_PX = 28; // the label and the beat marks stand above the trace
const HIGH_PASS_HZ = 0.5;
const INVALID_UV = -32768;
const SAME_BEAT_S = 0.05;
const BASE = 0.62; // where the zero line lies before the wave is known, from the top
const MARGIN_MS = 20;

export class Strip {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.gain = 10;
    this.base = BASE;
    this.delayMs = 150;
    this.endMs = -Infinity;
    this.rateHz = 0;
    new ResizeObserver(() => this.resize()).observe(canvas);
    this.resize();
  }

  reset(rateHz, first) {
    this.rateHz = rateHz;
    this.samples = new Float32Array(Math.ceil(KEEP_S * rateHz)).fill(NaN);
    this.first = first;
    this.end = first;
    this.drawn = first;
    this.marks = [];
    this.filtered = 0;
    this.previous = NaN;
    this.context.clearRect(0, 0, this.width, this.height);
  }

  // Take samples: `first` and `endMs` are the number of the first and the server's time of the last.
  push({ first, endMs, rateHz, lead, samplesUv, message }, nowMs) {
    const restarted = first + samplesUv.length < this.end && endMs > this.endMs;
    if (rateHz !== this.rateHz || restarted || first > this.end + this.samples.length) this.reset(rateHz, first);
    if (message !== this.message && Number.isFinite(this.endMs)) this.delay(nowMs - this.endMs);
    this.message = message;
    if (lead !== this.lead) this.previous = NaN;
    this.lead = lead;
    for (; this.end < first; this.end += 1) this.samples[this.end % this.samples.length] = NaN;
    const smooth = Math.exp((-2 * Math.PI * HIGH_PASS_HZ) / rateHz);
    for (let n = this.end - first; n < samplesUv.length; n += 1) {
      this.samples[this.end % this.samples.length] = this.filter(samplesUv[n], smooth);
      this.end += 1;
    }
    this.endMs = Math.max(this.endMs, endMs);
  }

  filter(uv, smooth) {
    if (uv === INVALID_UV) return NaN;
    const mv = uv / 1000;
    this.filtered = Number.isNaN(this.previous) ? 0 : smooth * (this.filtered + mv - this.previous);
    this.previous = mv;
    return this.filtered;
  }

  // How far the sweep stays behind the newest sample, so that it never waits for the next message.
  delay(ageMs) {
    if (ageMs < 0 || ageMs > 1500) return;
    this.delayMs = ageMs > this.delayMs ? ageMs : this.delayMs + 0.01 * (ageMs - this.delayMs);
  }

  beat(sample, label) {
    if (!this.rateHz) return;
    const near = SAME_BEAT_S * this.rateHz;
    this.marks = this.marks.filter((mark) => Math.abs(mark.sample - sample) > near && mark.sample > this.start());
    const mark = { sample, label, marked: false };
    this.marks.push(mark);
    if (sample < this.drawn) this.mark(mark);
  }

  resize() {
    const box = this.canvas.getBoundingClientRect(), scale = window.devicePixelRatio || 1;
    this.width = box.width;
    this.height = box.height;
    this.canvas.width = Math.max(1, Math.round(box.width * scale));
    this.canvas.height = Math.max(1, Math.round(box.height * scale));
    this.context.scale(scale, scale);
    this.recolour();
  }

  recolour() {
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    this.colours = { trace: colour("trace"), N: colour("beat-n"), S: colour("beat-s"), V: colour("beat-v"),
      F: colour("beat-f"), Q: colour("beat-q") };
    this.redraw();
  }

  // Number of the first sample that is still on the screen.
  start() {
    return this.drawn - ((this.width - ERASE_PX) / SPEED_PX_S) * this.rateHz;
  }

  x(sample) {
    return ((sample / this.rateHz) * SPEED_PX_S) % this.width;
  }

  y(mv) {
    const base = MARKS_PX + (this.height - MARKS_PX) * this.base;
    return Math.min(Math.max(base - mv * this.gain * MM_PX, MARKS_PX), this.height - 1);
  }

  redraw() {
    if (!this.rateHz) return;
    this.context.clearRect(0, 0, this.width, this.height);
    const oldest = Math.max(this.first, this.end - this.samples.length + 1);
    this.trace(Math.max(oldest, Math.ceil(this.start())), this.drawn);
    for (const mark of this.marks) if (mark.sample > this.start() && mark.sample < this.drawn) this.mark(mark);
  }

  // Draw what has become due.
  draw(nowMs) {
    if (!this.rateHz || !this.width) return;
    const behind = ((this.endMs - (nowMs - this.delayMs - MARGIN_MS)) * this.rateHz) / 1000;
    const from = this.drawn, until = Math.floor(this.end - Math.max(behind, 0));
    if (until <= from) return;
    this.drawn = until;
    const jumped = until - from > (this.width / SPEED_PX_S) * this.rateHz;
    if ((jumped || this.x(until) < this.x(from)) && (this.chooseGain() || jumped)) return void this.redraw();
    this.erase(this.x(from), ((until - from) / this.rateHz) * SPEED_PX_S + ERASE_PX);
    this.trace(from, until);
    for (const mark of this.marks) if (mark.sample >= from && mark.sample < until) this.mark(mark);
  }

  erase(x, width) {
    this.context.clearRect(x + 1, 0, width, this.height);
    if (x + width > this.width) this.context.clearRect(0, 0, x + width - this.width, this.height);
  }

  trace(from, until) {
    const context = this.context, size = this.samples.length;
    context.strokeStyle = this.colours.trace;
    context.lineWidth = 1.5;
    context.lineJoin = "round";
    context.beginPath();
    let pen = false, lastX = 0;
    for (let n = Math.max(from - 1, this.first, this.end - size); n < until; n += 1) {
      const mv = this.samples[n % size], x = this.x(n);
      if (Number.isNaN(mv)) { pen = false; continue; }
      if (pen && x >= lastX) context.lineTo(x, this.y(mv));
      else context.moveTo(x, this.y(mv));
      pen = true;
      lastX = x;
    }
    context.stroke();
  }

  mark({ sample, label }) {
    const context = this.context, x = this.x(sample);
    context.clearRect(x - 6, LABEL_PX, 12, MARKS_PX - LABEL_PX - 1);
    context.fillStyle = this.colours[label] || this.colours.Q;
    if (label === "N") {
      context.fillRect(x - 0.75, LABEL_PX + 5, 1.5, 6);
      return;
    }
    context.font = "700 12px system-ui, sans-serif";
    context.textAlign = "center";
    context.fillText(label, x, LABEL_PX + 11);
  }

  // The largest gain at which the last seconds fit, and the zero line that centres them; true where either changed.
  chooseGain() {
    let highest = 0.1, lowest = -0.1;
    for (const mv of this.samples) {
      if (mv > highest) highest = mv;
      else if (mv < lowest) lowest = mv;
    }
    const room = (this.height - MARKS_PX) / MM_PX;
    const gain = GAINS_MM_MV.find((mm) => (highest - lowest) * mm <= (mm > 10 ? 0.7 : 1) * room) ?? GAINS_MM_MV.at(-1);
    const base = 0.5 + (gain * (highest + lowest)) / (2 * room);
    const changed = gain !== this.gain || Math.abs(base - this.base) > 0.08;
    if (changed) Object.assign(this, { gain, base: Math.min(Math.max(base, 0.1), 0.9) });
    return changed;
  }
}
