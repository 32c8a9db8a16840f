// The alarm limits of a bed: shows what they are, and gives the command that changes them.

import { dialog, say } from "./dialog.js";
import { element, placeOf } from "./element.js";
import { command } from "./operator.js";

const LABELS = {
  tachy_bpm: "Heart rate high, bpm", brady_bpm: "Heart rate low, bpm", extreme_tachy_bpm: "Extreme tachycardia, bpm",
  extreme_brady_bpm: "Extreme bradycardia, bpm", pause_s: "Pause, s", run_beats: "Ventricular run, beats",
  pvc_per_minute: "Ventricular beats a minute", af_begin_s: "Atrial fibrillation after, s",
};

// Rates in rising order; the limits of heart rate may not even be the same.
const RISING = ["extreme_brady_bpm", "brady_bpm", "tachy_bpm", "extreme_tachy_bpm"];

// Say at the input what contradicts another limit; gives whether something does.
function contradicts(inputs) {
  const rates = RISING.map((name) => inputs.get(name).input);
  for (const input of rates) input.setCustomValidity("");
  const at = rates.findIndex((input, n) => n && (n === 2 ? Number(input.value) <= Number(rates[1].value) : Number(input.value) < Number(rates[n - 1].value)));
  if (at < 0) return false;
  rates[at].setCustomValidity(`${LABELS[RISING[at]]}: ${at === 2 ? "above" : "not below"} "${LABELS[RISING[at - 1]]}", ${rates[at - 1].value}`);
  rates[at].reportValidity();
  return true;
}

export async function openLimits(stream) {
  const answer = await fetch(`api/limits?stream=${encodeURIComponent(stream)}`).catch(() => null);
  if (!answer?.ok) return say("the limits cannot be read now", true);
  const limits = new Map((await answer.json()).map((limit) => [limit.name, limit]));
  const inputs = new Map();
  const table = element("div", { class: "limits" });
  for (const [name, label] of Object.entries(LABELS)) {
    const { value, first, minimum, maximum, whole } = limits.get(name);
    const input = element("input", { id: `limit-${name}`, type: "number", min: minimum, max: maximum, step: whole ? 1 : "any", value, required: "" });
    input.addEventListener("input", () => { for (const { input: each } of inputs.values()) each.setCustomValidity(""); });
    inputs.set(name, { input, value });
    table.append(element("label", { for: `limit-${name}` }, label), input,
      element("span", { class: "unit" }, `${minimum} to ${maximum}; configured ${first}`));
  }
  dialog(`Alarm limits of ${placeOf(stream)}`, table, {
    Change: () => {
      if (contradicts(inputs)) return false;
      const changes = {};
      for (const [name, { input, value }] of inputs) if (Number(input.value) !== value) changes[name] = Number(input.value);
      return Object.keys(changes).length ? command(stream, "limits", { limits: changes }) : true;
    },
    Cancel: () => {},
  });
}
