// Puts the page together: one view at a time by the address (`#/bed/ID`), drawn once a screen frame.
//
// A view is a module with a class whose instance has `root`, an element that is shown while the view is open, and any of:
//   open(id), close()         the view comes on the screen, with the rest of its address, and goes
//   status(status)            each status document (docs/dashboard.md), also right after `open`
//   watched()                 numbers of the streams of which all leads, or the pictures, are wanted
//   leads, beat, frame        records, as records.js hands them over; strips fill `shell.signals` whatever is open
//   draw(nowMs)               each screen frame, nowMs on the server's clock; tick(nowMs, connected): four times a second
//   keys                      an object from key to function, for the keyboard
// It is made with the shell (shell.js) when it is first opened. To add one, add it to VIEWS.

import { Bar } from "./bar.js";
import { BedView } from "./bed.js";
import { setData } from "./element.js";
import { EngineView } from "./engine.js";
import { figures } from "./figures.js";
import { LabView } from "./lab.js";
import { Shell } from "./shell.js";
import { Station } from "./station.js";

const VIEWS = { "": Station, bed: BedView, lab: LabView, engine: EngineView };
const TICK_MS = 250;

const main = document.getElementById("main"), made = new Map();
let view = null, names;

const shell = new Shell({
  view: () => view,
  onStatus(status) {
    // A page that meets another run after a reconnection begins anew.
    const found = status.streams.map((stream) => stream.id).join();
    if (names !== undefined && found !== names) return location.reload();
    if (names === undefined) {
      names = found;
      queueMicrotask(route); // when the strips of this message have been read as well
    }
    bar.status(status);
    view?.status?.(status);
  },
  onLink(state) {
    bar.link(state);
    setData(document.body, "link", state);
  },
});
const bar = new Bar(shell);

// Open the view of the address; what has no view shows the beds.
function route() {
  if (names === undefined) return;
  const [, name, id] = /^#\/(\w*)\/?(.*)$/.exec(location.hash) ?? [null, "", ""];
  const known = VIEWS[name] ? name : "";
  view?.close?.();
  if (!made.has(known)) made.set(known, new VIEWS[known](shell));
  view = made.get(known);
  main.replaceChildren(view.root);
  setData(document.body, "view", known || "beds");
  view.open?.(decodeURIComponent(id));
  view.status?.(shell.status);
  view.tick?.(shell.now(), shell.connected);
  bar.opened(known, id);
  window.scrollTo(0, 0);
}

function draw() {
  figures.frame(shell.now());
  const now = shell.now();
  if (now !== null) view?.draw?.(now);
  requestAnimationFrame(draw);
}

function tick() {
  view?.tick?.(shell.now(), shell.connected);
  bar.tick();
}

function key(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.closest?.("input, select, textarea, dialog[open]")) return;
  const does = view?.keys?.[event.key] ?? bar.keys[event.key];
  if (!does) return;
  event.preventDefault();
  does();
}

addEventListener("hashchange", route);
addEventListener("keydown", key);
requestAnimationFrame(draw);
tick();
setInterval(tick, TICK_MS);
