// Times as people read them: with the day where that is not today.

export function clock(ms, parts = {}) {
  const at = new Date(ms), time = at.toLocaleTimeString([], { hour12: false, ...parts });
  if (at.toDateString() === new Date().toDateString()) return time;
  return `${at.toLocaleDateString([], { day: "numeric", month: "short" })} ${time}`;
}
