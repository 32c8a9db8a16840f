// What the page measures of itself: when strips first ran, how long a sample takes from its message to the screen, and
// pictures a second.

const KEPT = 20_000;
const FPS_MS = 5000;

class Figures {
  constructor() {
    this.latencies = new Float64Array(KEPT); // all of it from the start: the page does not grow
    this.count = 0;
    this.pending = [];
    this.frames = [];
  }

  // A strip drew up to a sample whose message was due at `broughtMs`.
  drew(broughtMs) {
    if (Number.isFinite(broughtMs)) this.pending.push(broughtMs);
  }

  // A frame begins: what was drawn in the last one is on the screen now.
  frame(nowMs) {
    for (const brought of this.pending) {
      this.latencies[this.count % KEPT] = nowMs - brought;
      this.count += 1;
    }
    if (this.pending.length) this.runningMs ??= performance.now();
    this.pending.length = 0;
    this.frames.push(nowMs);
    while (this.frames[0] < nowMs - FPS_MS) this.frames.shift();
  }

  // Begin anew.
  reset() {
    this.count = 0;
  }

  summary() {
    const ordered = this.latencies.slice(0, this.count).sort();
    const share = (p) => (ordered.length ? ordered[Math.ceil(p * ordered.length) - 1] : null);
    const span = this.frames.at(-1) - this.frames[0];
    return {
      running_ms: this.runningMs ?? null, // since the page was called
      strip_latency_ms: { count: ordered.length, p50: share(0.5), p95: share(0.95), p99: share(0.99), max: share(1) },
      frames_per_second: span > 0 ? ((this.frames.length - 1) * 1000) / span : 0,
    };
  }
}

export const figures = new Figures();
window.heartwireFigures = () => figures.summary();
window.heartwireFigures.reset = () => figures.reset();
