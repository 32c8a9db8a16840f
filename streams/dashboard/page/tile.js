// One bed on the central station: its strip, heart rate, rhythm and most urgent alarm.

import { Banner, Inactive, unseen } from "./alarms.js";
import { element, placeOf, setData, setText } from "./element.js";
import { command } from "./operator.js";
import { rhythmUrgent, rhythmWords } from "./rhythms.js";
import { silence } from "./silence.js";
import { Strip } from "./strip.js";

export class Tile {
  constructor(stream, signal, number) {
    const name = placeOf(stream.id);
    Object.assign(this, { number, signal, stream });
    this.banner = new Banner();
    this.inactive = new Inactive();
    this.seen = element("button", { type: "button", class: "seen", hidden: "", "aria-label": `acknowledge the alarms of ${name}` },
      "✓", element("span", { class: "words" }, " Acknowledge"));
    this.seen.addEventListener("click", () => command(stream.id, "acknowledge"));
    this.sweep = element("div", { class: "sweep", role: "img", "aria-label": `ECG of ${name}` });
    this.lead = element("span", { class: "gain", title: "lead and gain, at 25 mm/s" });
    this.veil = element("p", { class: "veil", hidden: "" });
    this.rate = element("output", { class: "value", "aria-label": `heart rate of ${name}, beats a minute` }, "––");
    this.rhythm = element("p", { class: "rhythm" });
    const link = element("a", { href: `#/bed/${stream.id}`, class: "whole" }, name);
    this.root = element("article", { class: "bed", "aria-label": name },
      element("header", {}, element("h2", {}, link), this.lead, this.banner.root, this.inactive.root, this.seen),
      element("div", { class: "strip" }, this.sweep, this.veil),
      element("div", { class: "numbers" },
        element("p", { class: "rate" }, element("span", { class: "unit" }, "HR"), this.rate,
          element("span", { class: "unit" }, "bpm")),
        this.rhythm));
  }

  mount(sheet) {
    this.strip = new Strip(this.sweep, this.signal, sheet);
  }

  status(stream, alarms, inactive) {
    this.stream = stream;
    this.banner.show(alarms);
    this.inactive.show(inactive);
    this.seen.hidden = !alarms.some(unseen);
    setData(this.root, "priority", alarms.find((alarm) => alarm.change !== "latched")?.priority ?? "none");
  }

  // What changes with time alone; a few times a second.
  tick(nowMs, connected) {
    const { stream } = this;
    const why = silence(stream, this.signal.endMs, nowMs, connected);
    this.veil.hidden = !why;
    setText(this.veil, why);
    setData(this.root, "frozen", String(Boolean(why)));
    const rate = why ? null : stream.heart_rate_bpm;
    setText(this.rate, rate === null ? "––" : String(Math.round(rate)));
    setText(this.rhythm, why ? "" : rhythmWords(stream.rhythm));
    setData(this.rhythm, "urgent", String(rhythmUrgent(stream.rhythm)));
    setText(this.lead, stream.lead ? `${stream.lead}  ${this.strip.gain} mm/mV` : "");
  }

  draw(nowMs) {
    this.strip.draw(nowMs);
  }
}
