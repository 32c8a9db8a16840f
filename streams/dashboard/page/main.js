// Puts the page together: one view at a time by the address (`#/bed/ID`), drawn once a screen frame.
//
// A view is a module with a class whose instance has `root`, an element that is shown while the view is open, and any of:
//   open(id), close()         the view comes on the screen, with the rest of its address, and goes
//   status(status)            each status document (docs/dashboard.md), also right after `open`
//   watched()                 numbers of the streams of which all leads, or the pictures, are wanted
//   leads, beat, frame        records, as records.js hands them over; strips fill `shell.signals` whatever is open
//   draw(nowMs)               each screen frame, nowMs on the server's clock; tick(nowMs, connected): four times a second
//   keys                      an object from key to function, for the keyboard
// It is made with the shell (shell.js) when it is first opened. To add one, add it to VIEWS; its module is loaded when
// it is first opened, or shortly after the first view stands.

import { Bar } from "./bar.js";
import { say } from "./dialog.js";
import { setData } from "./element.js";
import { figures } from "./figures.js";
import { Shell } from "./shell.js";

const VIEWS = {
  "": () => import("./station.js").then(({ Station }) => Station),
  bed: () => import("./bed.js").then(({ BedView }) => BedView),
  lab: () => import("./lab.js").then(({ LabView }) => LabView),
  engine: () => import("./engine.js").then(({ EngineView }) => EngineView),
};
const TICK_MS = 250;
const LATER_MS = 2000;

const main = document.getElementById("main"), made = new Map();
let view = null, names, asked;

const shell = new Shell({
  view: () => view,
  onStatus(status) {
    // A page that meets another run after a reconnection begins anew.
    const found = status.streams.map((stream) => stream.id).join();
    if (names !== undefined && found !== names) return location.reload();
    if (names === undefined) {
      names = found;
      route().then(() => setTimeout(loadAll, LATER_MS));
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
async function route() {
  if (names === undefined) return;
  const [, name, id] = /^#\/(\w*)\/?(.*)$/.exec(location.hash) ?? [null, "", ""];
  const known = VIEWS[name] ? name : "", mine = asked = {};
  const View = await VIEWS[known]().catch(() => null);
  if (asked !== mine) return; // another address came meanwhile
  if (!View) return say("The server does not answer: this view cannot be opened now", true);
  view?.close?.();
  if (!made.has(known)) made.set(known, new View(shell));
  view = made.get(known);
  main.replaceChildren(view.root);
  setData(document.body, "view", known || "beds");
  view.open?.(decodeURIComponent(id));
  view.status?.(shell.status);
  view.tick?.(shell.now(), shell.connected);
  bar.opened(known, id);
  window.scrollTo(0, 0);
}

// Views that were not needed so far: then they are there when the server is not.
function loadAll() {
  for (const load of Object.values(VIEWS)) load().catch(() => null);
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
