// All leads of a bed, one strip below the other, and what stands over them when they are not live.

import { element, setData, setText } from "./element.js";
import { SPEED_MM_S } from "./screen.js";
import { Sheet } from "./sheet.js";
import { Signal } from "./signal.js";
import { Strip } from "./strip.js";

export class Leads {
  constructor() {
    this.strips = [];
    this.stack = element("div", { class: "stack" });
    this.veil = element("p", { class: "veil", hidden: "" });
    this.root = element("div", { class: "panel leads" }, this.stack, this.veil);
  }

  close() {
    this.sheet?.close();
    this.strips = [];
  }

  // Take samples; true where the strips were built for them.
  push(record, names, nowMs, message) {
    const builds = record.leads !== this.strips.length;
    if (builds) this.build(record.leads, names);
    this.strips.forEach(({ signal }, n) => signal.push({ ...record, lead: n }, nowMs, message, n, record.leads));
    return builds;
  }

  build(count, names) {
    this.close();
    this.stack.replaceChildren();
    this.sheet = new Sheet(this.stack);
    setData(this.root, "many", String(count > 4));
    this.strips = Array.from({ length: count }, (_, n) => {
      const name = names[n] ?? `lead ${n + 1}`, signal = new Signal();
      const sweep = element("div", { class: "sweep", role: "img", "aria-label": `ECG, ${name}` }), label = element("span", { class: "lead" });
      this.stack.append(element("div", { class: "strip" }, sweep, label));
      return { name, signal, label, strip: new Strip(sweep, signal, this.sheet, { marks: n === 0 }) };
    });
  }

  beat(sample, label) {
    this.strips[0]?.signal.beat(sample, label);
  }

  tick(why) {
    this.veil.hidden = !why;
    setText(this.veil, why);
    setData(this.root, "frozen", String(Boolean(why)));
    for (const { label, name, strip } of this.strips) setText(label, `${name}  ${strip.gain} mm/mV  ${SPEED_MM_S} mm/s`);
  }

  draw(nowMs) {
    for (const { strip } of this.strips) strip.draw(nowMs);
  }
}
