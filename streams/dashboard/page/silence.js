// What stands over a picture that is not live: a frozen trace must never look live.

const SILENT_MS = 2000;

// Empty while data from no longer ago than two seconds (`newestMs`, the server's time) is on the screen.
export function silence(status, newestMs, nowMs, connected) {
  const seen = Number.isFinite(newestMs) && nowMs !== null;
  if (status.state === "ended" && connected) return "the stream has ended";
  if (!seen) return connected ? "waiting for data" : "no connection";
  const silentMs = nowMs - newestMs;
  if (silentMs < SILENT_MS) return "";
  return `no data for ${Math.floor(silentMs / 1000)} s${connected ? "" : ": no connection"}`;
}
