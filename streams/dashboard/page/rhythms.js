// Rhythms in words.

const WORDS = {
  N: "normal rhythm", VT: "ventricular tachycardia", VF: "ventricular fibrillation", VFL: "ventricular flutter",
  ASYS: "asystole", B: "bigeminy", T: "trigeminy", AFIB: "atrial fibrillation", AFL: "atrial flutter",
  SVTA: "supraventricular tachycardia", SBR: "sinus bradycardia", IVR: "idioventricular rhythm", P: "paced rhythm",
};
const URGENT = new Set(["VT", "VF", "VFL", "ASYS"]);

export const rhythmWords = (label) => WORDS[label] ?? label;
export const rhythmUrgent = (label) => URGENT.has(label);
