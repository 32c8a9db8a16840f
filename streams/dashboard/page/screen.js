// How large a millimetre is on this screen: that of CSS until somebody has measured it.

const KEY = "heartwire.mm-px", CSS_MM_PX = 96 / 25.4;
const listeners = new Set();
let kept = Number(localStorage.getItem(KEY)) || 0;

export const SPEED_MM_S = 25;

export const calibrated = () => kept > 0;
export const mmPx = () => kept || CSS_MM_PX;

export function onScale(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// Set the size of a millimetre in CSS px; 0 goes back to that of CSS.
export function setMmPx(px) {
  kept = px;
  if (px) localStorage.setItem(KEY, px);
  else localStorage.removeItem(KEY);
  apply();
}

function apply() {
  document.documentElement.style.setProperty("--mm", `${mmPx()}px`);
  for (const listener of listeners) listener();
}
apply();
