// One bed: its strip, heart rate, rhythm and most urgent alarm.

import { Banner } from "./alarms.js";
import { element, placeOf, setData, setText } from "./element.js";
import { silence } from "./silence.js";
import { Strip } from "./strip.js";

const RHYTHMS = {
  N: "normal rhythm", VT: "ventricular tachycardia", VF: "ventricular fibrillation", VFL: "ventricular flutter",
  ASYS: "asystole", B: "bigeminy", T: "trigeminy", AFIB: "atrial fibrillation", AFL: "atrial flutter",
  SVTA: "supraventricular tachycardia", SBR: "sinus bradycardia", IVR: "idioventricular rhythm", P: "paced rhythm",
};
const URGENT = new Set(["VT", "VF", "VFL", "ASYS"]);

export class Bed {
  constructor(status) {
    const name = placeOf(status.id);
    this.banner = new Banner();
    this.canvas = element("canvas", { role: "img", "aria-label": `ECG of ${name}` });
    this.lead = element("span", { class: "lead" });
    this.veil = element("p", { class: "veil", hidden: "" });
    this.rate = element("output", { class: "value", "aria-label": `heart rate of ${name}, beats a minute` }, "––");
    this.rhythm = element("p", { class: "rhythm" });
    this.root = element("article", { class: "bed", "aria-label": name },
      element("header", {}, element("h2", {}, name), this.banner.root),
      element("div", { class: "strip" }, this.canvas, this.lead, this.veil),
      element("div", { class: "numbers" },
        element("p", { class: "rate" }, element("span", { class: "unit" }, "HR"), this.rate,
          element("span", { class: "unit" }, "bpm")),
        this.rhythm));
    this.status = status;
  }

  mount(parent) {
    parent.append(this.root);
    this.strip = new Strip(this.canvas);
  }

  take(record, nowMs) {
    this.strip.push(record, nowMs);
  }

  beat(sample, label) {
    this.strip.beat(sample, label);
  }

  update(status, alarms) {
    this.status = status;
    this.banner.show(alarms);
    const urgent = alarms[0] && alarms[0].change !== "latched" ? alarms[0].priority : "none";
    setData(this.root, "priority", urgent);
  }

  // What changes with time alone; a few times a second.
  tick(nowMs, connected) {
    const status = this.status;
    const why = silence(status, this.strip.endMs, nowMs, connected);
    this.veil.hidden = !why;
    setText(this.veil, why);
    setData(this.root, "frozen", String(Boolean(why)));
    const rate = why ? null : status.heart_rate_bpm;
    setText(this.rate, rate === null ? "––" : String(Math.round(rate)));
    setText(this.rhythm, why ? "" : RHYTHMS[status.rhythm] ?? status.rhythm);
    setData(this.rhythm, "urgent", String(URGENT.has(status.rhythm)));
    setText(this.lead, status.lead ? `${status.lead}  ${this.strip.gain} mm/mV  25 mm/s` : "");
  }

  draw(nowMs) {
    this.strip.draw(nowMs);
  }
}
