// The bar at the top: the views, the most urgent alarms of all streams, sound, who is here, the connection and the time.

import { Summary } from "./alarms.js";
import { openCalibration } from "./calibration.js";
import { element, placeOf, setData, setText } from "./element.js";
import { askOperator, command, onOperator, operator } from "./operator.js";
import { Sound } from "./sound.js";
import { toggle } from "./theme.js";

const LINKS = { connecting: "connecting", live: "live", lost: "no connection: trying again" };
const LOST_MS = 3000;
const $ = (id) => document.getElementById(id);

export class Bar {
  constructor(shell) {
    this.shell = shell;
    this.at = ["", ""];
    this.summary = new Summary($("summary"));
    this.sound = new Sound($("sound"));
    this.keys = {
      t: toggle,
      m: () => this.sound.press(),
      p: () => this.pause(),
      u: askOperator,
      b: () => { location.hash = "#/"; },
      e: () => { location.hash = "#/engine"; },
      l: () => { location.hash = document.querySelector("#views .lab-link a")?.hash ?? "#/"; },
      Escape: () => { location.hash = "#/"; },
    };
    $("theme").addEventListener("click", toggle);
    $("screen").addEventListener("click", openCalibration);
    $("operator").addEventListener("click", askOperator);
    $("pause").addEventListener("click", () => this.pause());
    onOperator(() => this.who());
    this.who();
  }

  who() {
    setText($("operator"), operator() || "Who are you?");
  }

  // Pause the sound of every stream that sounds now.
  async pause() {
    for (const stream of this.loud ?? []) if (!(await command(stream, "audio-pause"))) return;
  }

  status(status) {
    this.summary.show(status.alarms, status.streams);
    this.labs(status.streams.filter((stream) => stream.kind === "xray"));
    const loud = status.alarms.filter((alarm) => alarm.change !== "acknowledged" && alarm.inactivation === "enabled");
    this.loud = new Set(loud.map((alarm) => alarm.stream));
    $("pause").hidden = !this.loud.size;
  }

  labs(labs) {
    const names = labs.map((lab) => lab.id).join();
    if (names === this.names) return;
    this.names = names;
    for (const old of document.querySelectorAll("#views li.lab-link")) old.remove();
    const links = labs.map((lab) => element("li", { class: "lab-link" }, element("a", { href: `#/lab/${lab.id}` }, placeOf(lab.id))));
    $("views").children[0].after(...links);
    this.opened(...this.at);
  }

  // Mark the link of the open view.
  opened(name, id) {
    this.at = [name, id];
    for (const link of document.querySelectorAll("#views a")) {
      const [, view, of] = /^#\/(\w*)\/?(.*)$/.exec(link.getAttribute("href"));
      if (view === name && (of === id || !of)) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = name ? `${placeOf(id || name)} - heartwire` : "heartwire";
  }

  link(state) {
    if (state === "live") this.liveMs = performance.now();
    setText($("link"), LINKS[state]);
    setData($("link"), "state", state);
  }

  tick() {
    const lost = this.liveMs !== undefined && performance.now() - this.liveMs > LOST_MS;
    this.sound.update(this.shell.status?.alarms ?? [], lost);
    setText($("clock"), new Date().toLocaleTimeString([], { hour12: false }));
  }
}
