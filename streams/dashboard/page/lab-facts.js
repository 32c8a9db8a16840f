// What is known about the picture and its overlay, in words and numbers: trust, age, heart, devices.

import { COLOURS } from "./device.js";
import { element, setData, setText } from "./element.js";

const PHASE_HOLDS_MS = 3000;
const STATES = {
  tracked: ["tracked", "the tip is seen in this frame"],
  coasting: ["foretold", "the tip is foretold, not seen in this frame"],
  withdrawn: ["withdrawn", ""],
  waiting: ["no picture yet", ""],
};
const PLANES = { patient: "at the patient", detector: "at the detector", unknown: "plane not known" };

export class Facts {
  constructor(name) {
    const unit = (words) => element("span", { class: "unit" }, words);
    this.state = element("strong", { class: "state" });
    this.why = element("span", { class: "why" });
    this.age = element("output", { class: "value", "aria-label": `age of the picture of ${name}, ms` }, "––");
    this.moved = element("output", { class: "value", "aria-label": `age of the overlay of ${name}, mm` }, "––");
    this.meter = element("meter", { min: 0, max: 1, value: 0, "aria-label": `age of the picture of ${name} against its budget` });
    this.budget = unit("");
    this.dial = element("span", { class: "dial", "aria-hidden": "true" });
    this.phase = element("span", { class: "phase-words" });
    this.devices = element("ul", { class: "devices", "aria-label": `devices of ${name}` });
    this.rows = new Map();
    this.none = element("p", { class: "none" });
    this.root = element("div", { class: "known" },
      element("section", { class: "trust" }, element("h3", {}, "Overlay"), element("p", {}, this.state, this.why)),
      element("section", { class: "ages" }, element("h3", {}, "Age"),
        element("p", { class: "frame-age" }, this.age, unit("ms"), this.moved, unit("mm")),
        element("p", { class: "of-budget" }, this.meter, this.budget)),
      element("section", { class: "heart" }, element("h3", {}, "Cardiac phase"), element("p", {}, this.dial, this.phase)),
      element("section", {}, element("h3", {}, "Devices"), this.none, this.devices));
  }

  // Whether the overlay may be trusted; `reason` says why it is gone.
  overlay(reason, about) {
    const state = !about ? "waiting" : reason ? "withdrawn" : about.devices.some((device) => device.state === "tracked" && device.visible) ? "tracked" : "coasting";
    const [words, why] = STATES[state];
    setData(this.state, "state", state);
    setText(this.state, words);
    setText(this.why, about && reason ? reason : why);
  }

  show(about, { ageMs, nowMs, live, reason }) {
    const speed = about?.overlay_age_ms > 0 && about.overlay_age_mm !== null ? about.overlay_age_mm / about.overlay_age_ms : null;
    setText(this.age, live && about ? String(Math.round(ageMs)) : "––");
    setText(this.moved, live && about && !reason && speed !== null ? (ageMs * speed).toFixed(1) : "––");
    const budget = about?.age_budget_ms ?? 0;
    setText(this.budget, budget ? `of ${budget} ms${speed === null && live ? ", tip speed in mm not known" : ""}` : "");
    Object.assign(this.meter, { max: budget || 1, high: (budget || 1) * 0.8, value: live ? Math.min(ageMs, budget) : budget });
    this.heart(about?.phase, nowMs, live);
    this.list(reason || !about ? [] : about.devices, about, reason);
  }

  heart(phase, nowMs, live) {
    const age = phase && nowMs !== null ? nowMs - phase.at_ms : Infinity, known = live && age < PHASE_HOLDS_MS;
    const now = known ? (phase.phase + age / 1000 / phase.rr_s) % 1 : 0;
    setData(this.dial, "known", String(known && phase.trusted));
    this.dial.style.setProperty("--phase", now.toFixed(2));
    if (known) setText(this.phase, `${Math.round(now * 100)} % of the beat, ${phase.trusted ? "trusted" : "not to be trusted: irregular"}`);
    else if (!phase) setText(this.phase, "not known: no ECG gives a phase for this lab");
    else setText(this.phase, `not known: ${live ? "no beat for 3 s" : "the picture is not live"}`);
  }

  list(devices, about, reason) {
    const gone = new Set(this.rows.keys());
    for (const device of devices) {
      gone.delete(device.id);
      if (!this.rows.has(device.id)) this.rows.set(device.id, this.row());
      this.tell(this.rows.get(device.id), device, about);
    }
    for (const id of gone) {
      this.rows.get(id).root.remove();
      this.rows.delete(id);
    }
    this.none.hidden = devices.length > 0;
    setText(this.none, reason ? "none shown" : "none found in this frame");
  }

  row() {
    const part = (name) => element("span", { class: name });
    const parts = { swatch: part("swatch"), name: part("name"), state: part("state"), sure: part("sure"), tip: part("tip-at") };
    parts.swatch.setAttribute("aria-hidden", "true");
    const root = element("li", {}, ...Object.values(parts));
    this.devices.append(root);
    return { root, ...parts };
  }

  tell(row, device, about) {
    row.swatch.style.background = COLOURS[device.class] ?? COLOURS.catheter;
    setText(row.name, `${device.id}  ${device.class}`);
    const state = device.state === "tracked" && device.visible ? "tracked" : "coasting";
    setData(row.state, "state", state);
    setText(row.state, device.state === "tracked" && !device.visible ? "tip hidden" : STATES[state][0]);
    setText(row.sure, `${Math.round(device.confidence * 100)} %`);
    setText(row.tip, tipWords(device, about));
  }
}

function tipWords(device, { spacing_mm: spacing, spacing_plane: plane }) {
  if (!device.tip_px) return "tip not known";
  const numbers = (point) => point.map((value) => value.toFixed(1)).join(", ");
  const within = (scale) => (device.error_px > 0 ? ` ± ${(device.error_px * scale).toFixed(1)}` : "");
  if (device.tip_mm && spacing) {
    return `tip ${numbers(device.tip_mm)} mm${within((spacing[0] + spacing[1]) / 2)} ${PLANES[plane] ?? PLANES.unknown}`;
  }
  return `tip ${numbers(device.tip_px)} px${within(1)}, spacing not known`;
}
