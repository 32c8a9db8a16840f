// The last seconds of one lead and its beats: filled by the live connection whether or not they are on the screen.

const KEEP_S = 32;
const HIGH_PASS_HZ = 0.5;
const INVALID_UV = -32768;
const SAME_BEAT_S = 0.05;
const FIRST_DELAY_MS = 150, LONGEST_DELAY_MS = 1500, AGES = 32, IN_TIME = 0.5, APPROACH = 0.1;

export class Signal {
  constructor() {
    this.rateHz = 0;
    this.endMs = -Infinity;
    this.delayMs = FIRST_DELAY_MS;
    this.ages = [];
    this.marks = [];
    this.era = 0; // counts how often it began anew
  }

  reset(rateHz, first, startMs) {
    this.rateHz = rateHz;
    this.startMs = startMs; // server's time of sample 0
    this.samples = new Float32Array(Math.ceil(KEEP_S * rateHz)).fill(NaN);
    this.first = first;
    this.end = first;
    this.marks = [];
    this.ends = [];
    this.filtered = 0;
    this.previous = NaN;
    this.era += 1;
  }

  // Take samples: `first` and `endMs` are the number of the first and the server's time of the last. Every `step`th of
  // `samplesUv` from `offset` on is one of this lead. `message` is the number of the message that brought them.
  push({ first, endMs, rateHz, lead, samplesUv }, nowMs, message, offset = 0, step = 1) {
    const count = Math.floor(samplesUv.length / step);
    const restarted = first + count < this.end && endMs > this.endMs;
    if (rateHz !== this.rateHz || restarted || first > this.end + this.samples.length) {
      this.reset(rateHz, first, endMs - ((first + count - 1) / rateHz) * 1000);
    }
    if (message !== this.message && Number.isFinite(this.endMs)) this.delay(nowMs - this.endMs);
    this.message = message;
    if (lead !== this.lead) this.previous = NaN;
    this.lead = lead;
    for (; this.end < first; this.end += 1) this.samples[this.end % this.samples.length] = NaN;
    const smooth = Math.exp((-2 * Math.PI * HIGH_PASS_HZ) / rateHz);
    for (let n = this.end - first; n < count; n += 1) {
      this.samples[this.end % this.samples.length] = this.filter(samplesUv[n * step + offset], smooth);
      this.end += 1;
    }
    this.endMs = Math.max(this.endMs, endMs);
    this.ends.push({ sample: this.end, ms: endMs });
    if (this.ends.length > 64) this.ends.shift();
  }

  filter(uv, smooth) {
    if (uv === INVALID_UV) return NaN;
    const mv = uv / 1000;
    this.filtered = Number.isNaN(this.previous) ? 0 : smooth * (this.filtered + mv - this.previous);
    this.previous = mv;
    return this.filtered;
  }

  // How far the sweep stays behind the newest sample: so far that every other message comes before it would have to wait
  // for it. The others seldom hold it up for more than a screen frame, in which it moves 1.6 px. `ageMs` is how old the
  // newest sample had become when the next message came.
  delay(ageMs) {
    if (ageMs < 0 || ageMs > LONGEST_DELAY_MS) return;
    this.ages.push(ageMs);
    if (this.ages.length > AGES) this.ages.shift();
    const needed = Float64Array.from(this.ages).sort()[Math.floor(IN_TIME * this.ages.length)];
    this.delayMs += (this.ages.length < AGES ? 1 : APPROACH) * (needed - this.delayMs);
  }

  // Take a beat; one within 50 ms of another replaces it.
  beat(sample, label) {
    if (!this.rateHz) return;
    const near = SAME_BEAT_S * this.rateHz, oldest = this.end - this.samples.length;
    this.marks = this.marks.filter((mark) => Math.abs(mark.sample - sample) > near && mark.sample > oldest);
    this.marks.push({ sample, label });
  }

  // Number of the first sample that is still known.
  oldest() {
    return Math.max(this.first, this.end - this.samples.length + 1);
  }

  at(sample) {
    return this.samples[sample % this.samples.length];
  }

  // When the message that brought a sample was due, server's ms.
  broughtMs(sample) {
    return this.ends.find((end) => end.sample > sample)?.ms ?? NaN;
  }
}
