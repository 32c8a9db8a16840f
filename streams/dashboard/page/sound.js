// Alarm sounds: bursts of pulses after IEC 60601-1-8, of the most urgent alarm that sounds.

import { say } from "./dialog.js";
import { element, setData } from "./element.js";
import { icon } from "./icon.js";

// Of each priority: gaps after the pulses, length of a pulse, and from the end of a burst to the next, s. The standard
// allows for high 0.05 to 0.125 s between pulses of 0.075 to 0.2 s, a place left out after the third, 0.35 to 1.3 s after
// the fifth, and 2.5 to 15 s between bursts; for medium and low 0.125 to 0.25 s, and 2.5 to 30 s or more than 15 s.
const X = 0.1, LONG = 0.15, Y = 0.2;
const FIVE = [X, X, 2 * X + LONG, X];
export const BURSTS = {
  high: { gaps: [...FIVE, 0.6, ...FIVE, 0], pulse: LONG, between: 4, gain: 0.5 },
  medium: { gaps: [Y, Y, 0], pulse: Y, between: 8, gain: 0.4 },
  low: { gaps: [Y, 0], pulse: Y, between: 20, gain: 0.3 },
};
const NOTE_HZ = 523; // with at least four harmonics up to 4 kHz
const HARMONICS = [0, 1, 0.8, 0.7, 0.6, 0.5];
const ORDER = ["high", "medium", "low"];
const SOUNDS = new Set(["on", "escalated", "latched"]);
const LABELS = { on: "Sound on", off: "Sound off", blocked: "Turn sound on" };

// The priority that sounds for these alarms, "none" where none does. A lost connection sounds like a medium one.
export function sounding(alarms, lost) {
  const heard = alarms.filter((alarm) => SOUNDS.has(alarm.change) && alarm.inactivation === "enabled");
  const priorities = heard.map((alarm) => alarm.priority).concat(lost ? ["medium"] : []);
  return ORDER.find((priority) => priorities.includes(priority)) ?? "none";
}

export class Sound {
  constructor(button) {
    this.button = button;
    this.priority = "none";
    this.wanted = true;
    this.nextS = 0;
    button.addEventListener("click", () => this.press());
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, (event) => this.touch(event), { capture: true });
    setInterval(() => this.step(), 100);
    this.show();
  }

  // Browsers give no sound before somebody has touched the page. That may be a press of the button itself, which means
  // what the button said before.
  touch(event) {
    if (event.repeat) return;
    this.said = this.state();
    if (!this.context) this.begin();
  }

  begin() {
    if (!this.context) {
      this.context = new AudioContext();
      this.wave = this.context.createPeriodicWave(new Float32Array(HARMONICS.length), Float32Array.from(HARMONICS));
      this.context.onstatechange = () => this.show();
    }
    this.context.resume().then(() => this.show());
  }

  press() {
    if (this.said === "blocked" || this.state() === "blocked") {
      this.wanted = true;
      this.begin();
    } else {
      this.wanted = !this.wanted;
      if (!this.wanted) say("This screen is silent: other screens and the bedside still sound", true);
    }
    this.show();
  }

  state() {
    if (!this.wanted) return "off";
    return this.context?.state === "running" ? "on" : "blocked";
  }

  show() {
    const state = this.state();
    if (this.button.dataset.state === state) return;
    setData(this.button, "state", state);
    this.button.replaceChildren(icon(state === "on" ? "enabled" : "audio-off"), element("span", {}, LABELS[state]));
  }

  update(alarms, lost) {
    const before = this.priority;
    this.priority = sounding(alarms, lost);
    setData(document.body, "sounding", this.priority);
    // What is more urgent does not wait for the end of the pause.
    if (ORDER.indexOf(this.priority) < ORDER.indexOf(before) || before === "none") this.nextS = 0;
  }

  step() {
    if (this.priority === "none" || this.state() !== "on" || this.context.currentTime < this.nextS) return;
    this.nextS = this.burst(BURSTS[this.priority]);
  }

  // Sound one burst; gives when the next is due.
  burst({ gaps, pulse, between, gain }) {
    let at = this.context.currentTime + 0.02;
    for (const gap of gaps) {
      this.pulse(at, pulse, gain);
      at += pulse + gap;
    }
    return at + between;
  }

  pulse(at, length, gain) {
    const tone = new OscillatorNode(this.context, { frequency: NOTE_HZ, periodicWave: this.wave });
    const shape = new GainNode(this.context, { gain: 0 });
    const rise = 0.15 * length;
    shape.gain.setValueAtTime(0, at);
    shape.gain.linearRampToValueAtTime(gain, at + rise);
    shape.gain.setValueAtTime(gain, at + length - rise);
    shape.gain.linearRampToValueAtTime(0, at + length);
    tone.connect(shape).connect(this.context.destination);
    tone.start(at);
    tone.stop(at + length);
  }
}
