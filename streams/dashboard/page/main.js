// Puts the page together: records go to the bed or lab they belong to, and everything is drawn once a screen frame.

import { Summary } from "./alarms.js";
import { Bed } from "./bed.js";
import { Connection } from "./connection.js";
import { Engine } from "./engine.js";
import { Lab } from "./lab.js";
import { setData, setText } from "./element.js";

const TICK_MS = 250;
const LINKS = { connecting: "connecting", live: "live", lost: "no connection: trying again" };

const $ = (id) => document.getElementById(id);
const summary = new Summary($("summary")), engine = new Engine($("streams"), $("events"));
let views = [], connected = false;

// The views follow the streams of the run; a page that meets another run after a reconnection builds them anew.
function build(streams) {
  const names = streams.map((stream) => stream.id).join();
  if (names === build.names) return;
  if (build.names !== undefined) location.reload();
  build.names = names;
  views = streams.map((stream) => (stream.kind === "xray" ? new Lab(stream) : new Bed(stream)));
  for (const view of views) view.mount(view instanceof Lab ? $("labs") : $("beds"));
  const beds = views.filter((view) => view instanceof Bed).length;
  setData(document.body, "beds", beds > 12 ? "many" : beds > 4 ? "some" : "few");
}

const connection = new Connection({
  strip: (stream, record) => views[stream]?.take?.(record, connection.now()),
  beat: (stream, sample, label) => views[stream]?.beat?.(sample, label),
  frame: (stream, about, jpeg) => views[stream]?.take?.(about, jpeg),
  status(status) {
    build(status.streams);
    status.streams.forEach((stream, n) => {
      views[n].update(stream, status.alarms.filter((alarm) => alarm.stream === stream.id));
    });
    summary.show(status.alarms);
    engine.show(status);
  },
  link(state) {
    connected = state === "live";
    setText($("link"), LINKS[state]);
    setData($("link"), "state", state);
    setData(document.body, "link", state);
  },
});

function draw() {
  const now = connection.now();
  if (now !== null) for (const view of views) view.draw(now);
  requestAnimationFrame(draw);
}

function tick() {
  const now = connection.now();
  for (const view of views) view.tick(now, connected);
  setText($("clock"), new Date().toLocaleTimeString([], { hour12: false }));
}

for (const query of ["(prefers-color-scheme: light)", "(forced-colors: active)"]) {
  matchMedia(query).addEventListener("change", () => views.forEach((view) => view.strip?.recolour()));
}
requestAnimationFrame(draw);
tick();
setInterval(tick, TICK_MS);
