// One bed opened: all its leads.

import { Banner } from "./alarms.js";
import { element, placeOf, setData, setText } from "./element.js";
import { rhythmUrgent, rhythmWords } from "./rhythms.js";
import { Signal } from "./signal.js";
import { silence } from "./silence.js";
import { Strip } from "./strip.js";

export class BedView {
  constructor(shell) {
    this.shell = shell;
    this.root = element("section", { class: "bed-view", "aria-label": "Bed" });
  }

  open(id) {
    this.id = id;
    this.number = this.shell.number(id);
    this.leads_ = [];
    const name = placeOf(id);
    if (this.number < 0) {
      this.root.replaceChildren(element("p", { class: "notice" }, `There is no bed ${name} in this run.`));
      return;
    }
    this.banner = new Banner();
    this.rate = element("output", { class: "value", "aria-label": "heart rate, beats a minute" }, "––");
    this.rhythm = element("p", { class: "rhythm" });
    this.veil = element("p", { class: "veil", hidden: "" });
    this.stack = element("div", { class: "stack" });
    this.root.replaceChildren(
      element("header", {}, element("h2", {}, name), this.banner.root),
      element("div", { class: "numbers" }, this.rate, this.rhythm),
      element("div", { class: "leads" }, this.stack, this.veil));
  }

  close() {
    for (const { strip } of this.leads_) strip.close();
    this.leads_ = [];
    this.number = -1;
  }

  watched() {
    return this.number < 0 ? [] : [this.number];
  }

  leads(stream, record) {
    if (stream !== this.number) return;
    if (record.leads !== this.leads_.length) this.build(record.leads);
    const nowMs = this.shell.now(), message = this.shell.message();
    this.leads_.forEach(({ signal }, n) => signal.push({ ...record, lead: n }, nowMs, message, n, record.leads));
  }

  build(count) {
    for (const { strip } of this.leads_) strip.close();
    const names = this.shell.streams[this.number].leads;
    this.stack.replaceChildren();
    this.leads_ = Array.from({ length: count }, (_, n) => {
      const canvas = element("canvas", { role: "img", "aria-label": `lead ${names[n] ?? n + 1}` });
      const lead = element("span", { class: "lead" });
      this.stack.append(element("div", { class: "strip" }, canvas, lead));
      const signal = new Signal();
      return { signal, lead, name: names[n] ?? "", strip: new Strip(canvas, signal, { marks: n === 0 }) };
    });
  }

  beat(stream, sample, label) {
    if (stream === this.number) this.leads_[0]?.signal.beat(sample, label);
  }

  status(status) {
    const stream = status.streams[this.number];
    if (stream) this.banner.show(this.shell.alarms(stream.id));
  }

  tick(nowMs, connected) {
    const stream = this.shell.streams[this.number];
    if (!stream) return;
    const why = silence(stream, this.shell.signal(this.number).endMs, nowMs, connected);
    this.veil.hidden = !why;
    setText(this.veil, why);
    setData(this.root, "frozen", String(Boolean(why)));
    const rate = why ? null : stream.heart_rate_bpm;
    setText(this.rate, rate === null ? "––" : String(Math.round(rate)));
    setText(this.rhythm, why ? "" : rhythmWords(stream.rhythm));
    setData(this.rhythm, "urgent", String(rhythmUrgent(stream.rhythm)));
    for (const { lead, name, strip } of this.leads_) setText(lead, `${name}  ${strip.gain} mm/mV  25 mm/s`);
  }

  draw(nowMs) {
    for (const { strip } of this.leads_) strip.draw(nowMs);
  }
}
