// Dark or light: as the system says until somebody chooses.

const KEY = "heartwire.theme";
const listeners = new Set();

export const light = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "light" : matchMedia("(prefers-color-scheme: light)").matches;
};

// Call `listener` when colours change; what draws on a canvas draws again.
export function onColours(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function toggle() {
  const next = light() ? "dark" : "light";
  document.documentElement.dataset.theme = next;
  localStorage.setItem(KEY, next);
  changed();
}

function changed() {
  for (const listener of listeners) listener();
}

const kept = localStorage.getItem(KEY);
if (kept) document.documentElement.dataset.theme = kept;
for (const query of ["(prefers-color-scheme: light)", "(forced-colors: active)"]) {
  matchMedia(query).addEventListener("change", changed);
}
