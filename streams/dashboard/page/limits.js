// The alarm limits of a bed: shows what they are, and gives the command that changes them.

import { dialog, say } from "./dialog.js";
import { element, placeOf } from "./element.js";
import { command } from "./operator.js";

const LABELS = {
  tachy_bpm: "Heart rate high, bpm", brady_bpm: "Heart rate low, bpm", extreme_tachy_bpm: "Extreme tachycardia, bpm",
  extreme_brady_bpm: "Extreme bradycardia, bpm", pause_s: "Pause, s", run_beats: "Ventricular run, beats",
  pvc_per_minute: "Ventricular beats a minute", af_begin_s: "Atrial fibrillation after, s",
};

export async function openLimits(stream) {
  const answer = await fetch(`api/limits?stream=${encodeURIComponent(stream)}`).catch(() => null);
  if (!answer?.ok) return say("the limits cannot be read now", true);
  const limits = new Map((await answer.json()).map((limit) => [limit.name, limit]));
  const inputs = new Map();
  const table = element("div", { class: "limits" });
  for (const [name, label] of Object.entries(LABELS)) {
    const { value, first, minimum, maximum, whole } = limits.get(name);
    const input = element("input", { id: `limit-${name}`, type: "number", min: minimum, max: maximum, step: whole ? 1 : "any", value, required: "" });
    inputs.set(name, { input, value });
    table.append(element("label", { for: `limit-${name}` }, label), input,
      element("span", { class: "unit" }, `${minimum} to ${maximum}; configured ${first}`));
  }
  dialog(`Alarm limits of ${placeOf(stream)}`, table, {
    Change: () => {
      const changes = {};
      for (const [name, { input, value }] of inputs) if (Number(input.value) !== value) changes[name] = Number(input.value);
      return Object.keys(changes).length ? command(stream, "limits", { limits: changes }) : true;
    },
    Cancel: () => {},
  });
}
